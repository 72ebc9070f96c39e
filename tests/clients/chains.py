"""The chains that test_schemas.py asks, each of one target, named after what the stand-in plays there.

    python3 chains.py STAND_IN_URL    prints them as configuration
"""

import sys

# What becomes of it: a whole answer, an error in its place, or one that breaks off when it is streamed and is an error
# when it is not.
WHOLE, REFUSED, BROKEN = "whole", "refused", "broken"
PLAYS = {
    "ok": WHOLE, "think": WHOLE, "tools": WHOLE, "tools-last": WHOLE, "bytes": WHOLE, "length": WHOLE,
    "empty": WHOLE, "no-mark": WHOLE, "malformed": WHOLE, "overthinks": WHOLE,
    "die-60-40": BROKEN, "no-done-60-40": BROKEN, "error-line-60-40": BROKEN,
    "500": REFUSED, "429-60": REFUSED, "context": REFUSED, "filter": REFUSED, "missing": REFUSED, "busy": REFUSED,
    "quota": REFUSED, "html": REFUSED, "garbage": REFUSED, "error-first": REFUSED, "reset": REFUSED,
}  # fmt: skip
OTHERS = ("embed", "echo")
KINDS = ("cloud", "gpu")


def main(url):
    for play in (*PLAYS, *OTHERS):
        # Each has a backend of its own, because some faults make Jarvis leave the whole host alone.
        for kind, protocol, path in (("cloud", "openai", "/v1"), ("gpu", "ollama", "")):
            name = f"check-{kind}-{play}"
            print(f'[backends.{name}]\nkind = "{protocol}"\nbase_url = "{url}{path}"\nclass = "{kind}"')
            if kind == "cloud":
                print('credential = "env:CLIENT_TEST_CREDENTIAL"')
            print(f'[aliases.{name}]\ntargets = [{{ backend = "{name}", model = "{play}" }}]')


if __name__ == "__main__":
    main(*sys.argv[1:])
