//! Holds the tree to what ARCHITECTURE.md draws and the house rules forbid: arrows between crates, where SQL is, the
//! length and the names of files, and tests that do not run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Who may depend on whom, as in ARCHITECTURE.md. Any crate may play model servers with `stand-in` in its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("jarvis-gateway", &[]),
    ("jarvis-tools", &["jarvis-gateway"]),
    ("jarvis-mcp", &["jarvis-gateway", "jarvis-tools"]),
    ("jarvis-memory", &["jarvis-gateway"]),
    (
        "jarvis-agent",
        &["jarvis-gateway", "jarvis-tools", "jarvis-mcp", "jarvis-memory"],
    ),
    ("jarvis-adapters", &["jarvis-agent", "jarvis-gateway"]),
    ("jarvis-web", &["jarvis-agent", "jarvis-gateway"]),
    (
        "jarvis-evals",
        &["jarvis-agent", "jarvis-gateway", "jarvis-tools", "jarvis-memory"],
    ),
    (
        "jarvis",
        &[
            "jarvis-gateway",
            "jarvis-tools",
            "jarvis-mcp",
            "jarvis-memory",
            "jarvis-agent",
            "jarvis-adapters",
            "jarvis-web",
            "jarvis-evals",
        ],
    ),
    ("stand-in", &[]),
];

const DATABASE_CRATES: &[&str] = &[
    "sqlx",
    "rusqlite",
    "libsqlite3-sys",
    "tokio-postgres",
    "postgres",
    "diesel",
];
const SOURCE: &[&str] = &["rs", "ts", "tsx", "mjs", "js", "py", "sh", "css", "lua", "sql"];
const LINES: usize = 500;
const NAMES_THAT_SAY_NOTHING: &[&str] = &["common", "core", "utils", "helpers", "misc", "manager"];
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "test-results", "__pycache__"];

/// How a test is left out, by file ending. Written in pieces, because this file is searched too.
const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        "rs",
        &[
            concat!("#[", "ignore"),
            concat!(", ", "ignore)]"),
            concat!(", ", "ignore ="),
        ],
    ),
    ("ts", JAVASCRIPT_LEFT_OUT),
    ("tsx", JAVASCRIPT_LEFT_OUT),
    ("mjs", JAVASCRIPT_LEFT_OUT),
    ("js", JAVASCRIPT_LEFT_OUT),
    (
        "py",
        &[
            concat!("unittest.", "skip"),
            concat!("pytest.", "skip"),
            concat!("mark.", "skip"),
            concat!("skip", "Test("),
        ],
    ),
];
const JAVASCRIPT_LEFT_OUT: &[&str] = &[
    concat!("test.", "skip"),
    concat!("it.", "skip"),
    concat!("describe.", "skip"),
    concat!(".", "only("),
    concat!("test.", "todo"),
    concat!("skip", ": true"),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
    /// The folder of a dependency that is ours.
    path: Option<PathBuf>,
}

fn arrow_faults(packages: &[Package]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        let name = &package.name;
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| from == name) else {
            faults.push(format!(
                "{name} has no arrows in ARCHITECTURE.md and in tests/boundaries.rs"
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| dependency.path.is_some())
        {
            let to = &dependency.name;
            let in_tests = dependency.kind.as_deref() == Some("dev") && (to == "stand-in" || to == name);
            if !in_tests && !allowed.contains(&to.as_str()) {
                faults.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    faults
}

fn sql_faults(packages: &[Package]) -> Vec<String> {
    let outside = packages.iter().filter(|package| package.name != "jarvis-memory");
    outside
        .flat_map(|package| {
            package
                .dependencies
                .iter()
                .map(move |dependency| (&package.name, &dependency.name))
        })
        .filter(|(_, to)| DATABASE_CRATES.contains(&to.as_str()))
        .map(|(name, to)| format!("{name} must not depend on {to}: SQL is only in memory"))
        .collect()
}

/// Every dependency takes its version from the workspace's table, where it stands once. A folder of ours has none.
fn version_faults(name: &str, manifest: &toml::Table) -> Vec<String> {
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .into_iter()
        .filter_map(|table| manifest.get(table)?.as_table())
        .flatten()
        .filter(|(_, value)| value.get("workspace").and_then(toml::Value::as_bool) != Some(true))
        .filter(|(_, value)| value.get("path").is_none() || value.get("version").is_some())
        .map(|(to, _)| format!("{name}: the version of {to} belongs into the workspace's table"))
        .collect()
}

fn unnamed_crates(packages: &[Package], architecture: &str) -> Vec<String> {
    packages
        .iter()
        .map(|package| package.name.strip_prefix("jarvis-").unwrap_or(&package.name))
        .filter(|name| !architecture.contains(&format!("`{name}`")) && !architecture.contains(&format!("\n{name} ")))
        .map(|name| format!("ARCHITECTURE.md does not name {name}"))
        .collect()
}

/// What is wrong with one file of ours; `path` is relative to the root.
fn file_faults(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LINES {
        faults.push(format!(
            "{shown} has {lines} lines, more than {LINES}: it is about two subjects"
        ));
    }
    let stems = path
        .components()
        .filter_map(|part| Path::new(part.as_os_str()).file_stem()?.to_str());
    let modules = text.lines().filter_map(module_of);
    for name in stems
        .chain(modules)
        .filter(|name| NAMES_THAT_SAY_NOTHING.contains(name))
    {
        faults.push(format!("{shown}: `{name}` says nothing about what is inside"));
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let marks = LEFT_OUT
        .iter()
        .filter(|(of, _)| *of == ending)
        .flat_map(|(_, marks)| *marks);
    for mark in marks.filter(|mark| text.contains(**mark)) {
        faults.push(format!(
            "{shown}: `{mark}` leaves a test out; a test runs or is deleted"
        ));
    }
    faults
}

/// The name in `mod name;`, `pub mod name {` and the like.
fn module_of(line: &str) -> Option<&str> {
    let (before, after) = line.trim().split_once("mod ")?;
    let visibility = before.trim();
    let is_declaration = visibility.is_empty() || visibility.starts_with("pub");
    is_declaration.then(|| after.trim_end_matches([';', '{', ' ']))
}

/// Migrations are numbered from 1 without a gap, so that what two branches added is not two of one number.
fn number_faults(names: &BTreeSet<String>) -> Vec<String> {
    let wrong = |(number, name): (usize, &String)| {
        let prefix = format!("{number:04}_");
        (!name.starts_with(&prefix)).then(|| format!("{name} should begin with {prefix}"))
    };
    (1..).zip(names).filter_map(wrong).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn workspace() -> Result<Vec<Package>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .context("run cargo metadata")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice::<Metadata>(&output.stdout)?.packages)
}

/// The source files of ours under `folder`, as paths relative to the root, with their text.
fn source_files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in folder
        .read_dir()
        .with_context(|| format!("read {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') || NOT_OURS.contains(&name) {
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_dir() {
            files.extend(source_files(&path)?);
        } else if SOURCE.contains(&ending) || name == "check" {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            files.push((path.strip_prefix(root())?.to_owned(), text));
        }
    }
    Ok(files)
}

#[test]
fn crates_depend_only_along_the_arrows() -> Result<()> {
    let packages = workspace()?;
    assert_eq!(arrow_faults(&packages), Vec::<String>::new());
    assert_eq!(
        packages.len(),
        ARROWS.len(),
        "a crate of the drawing is missing from the tree"
    );
    Ok(())
}

#[test]
fn sql_is_only_in_memory() -> Result<()> {
    assert_eq!(sql_faults(&workspace()?), Vec::<String>::new());
    Ok(())
}

#[test]
fn migrations_are_numbered_in_order() -> Result<()> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("migrations/sqlite"))? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    assert!(!names.is_empty(), "there are no migrations");
    assert_eq!(number_faults(&names), Vec::<String>::new());
    Ok(())
}

#[test]
fn versions_stand_in_the_workspace_table() -> Result<()> {
    for package in workspace()? {
        let manifest = std::fs::read_to_string(&package.manifest_path)?.parse::<toml::Table>()?;
        assert_eq!(version_faults(&package.name, &manifest), Vec::<String>::new());
    }
    Ok(())
}

#[test]
fn the_design_page_names_every_crate_and_stays_short() -> Result<()> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).context("read ARCHITECTURE.md")?;
    assert_eq!(unnamed_crates(&workspace()?, &page), Vec::<String>::new());
    assert!(page.lines().count() <= 200, "ARCHITECTURE.md has more than 200 lines");
    Ok(())
}

#[test]
fn every_source_file_keeps_the_rules() -> Result<()> {
    let files = source_files(root())?;
    assert!(
        files.iter().any(|(path, _)| path == Path::new("gateway/src/lib.rs")),
        "the tree was not walked"
    );
    let faults: Vec<String> = files.iter().flat_map(|(path, text)| file_faults(path, text)).collect();
    assert_eq!(faults, Vec::<String>::new());
    Ok(())
}

/// Every rule above is shown to see a planted violation, and to let its neighbour pass.
mod planted {
    use super::{
        Dependency, Package, PathBuf, arrow_faults, file_faults, number_faults, sql_faults, unnamed_crates,
        version_faults,
    };

    fn package(name: &str, to: &str, kind: Option<&str>) -> Package {
        let ours = to.starts_with("jarvis") || to == "stand-in";
        Package {
            name: name.into(),
            manifest_path: PathBuf::new(),
            dependencies: vec![Dependency {
                name: to.into(),
                kind: kind.map(Into::into),
                path: ours.then(PathBuf::new),
            }],
        }
    }

    #[test]
    fn arrows() {
        let check = |name: &str, to: &str, kind: Option<&str>, expect: &[&str]| {
            assert_eq!(
                arrow_faults(&[package(name, to, kind)]),
                expect,
                "{name} -> {to} ({kind:?})"
            );
        };
        check("jarvis-web", "jarvis-agent", None, &[]);
        check("jarvis-web", "serde", None, &[]);
        check("jarvis-web", "stand-in", Some("dev"), &[]);
        check("jarvis-gateway", "jarvis-gateway", Some("dev"), &[]);
        check(
            "jarvis-web",
            "jarvis-memory",
            None,
            &["jarvis-web must not depend on jarvis-memory"],
        );
        check(
            "jarvis-gateway",
            "jarvis-tools",
            Some("dev"),
            &["jarvis-gateway must not depend on jarvis-tools"],
        );
        check(
            "jarvis-tools",
            "stand-in",
            None,
            &["jarvis-tools must not depend on stand-in"],
        );
        check(
            "jarvis-agent",
            "jarvis-evals",
            Some("build"),
            &["jarvis-agent must not depend on jarvis-evals"],
        );
        check(
            "jarvis-new",
            "serde",
            None,
            &["jarvis-new has no arrows in ARCHITECTURE.md and in tests/boundaries.rs"],
        );
    }

    #[test]
    fn sql() {
        assert_eq!(
            sql_faults(&[package("jarvis-memory", "sqlx", None)]),
            Vec::<String>::new()
        );
        assert_eq!(
            sql_faults(&[package("jarvis-agent", "sqlx", Some("dev"))]),
            ["jarvis-agent must not depend on sqlx: SQL is only in memory"]
        );
    }

    #[test]
    fn versions() -> anyhow::Result<()> {
        let manifest =
            "[dependencies]\na.workspace = true\nb = '1'\n[dev-dependencies]\nours.path = '.'\nc = { version = '1' }"
                .parse()?;
        assert_eq!(
            version_faults("x", &manifest),
            [
                "x: the version of b belongs into the workspace's table",
                "x: the version of c belongs into the workspace's table"
            ]
        );
        Ok(())
    }

    #[test]
    fn design_page() {
        let packages = [package("jarvis-web", "serde", None), package("stand-in", "serde", None)];
        assert_eq!(
            unnamed_crates(&packages, "the crate `web`\nstand-in <- nothing"),
            Vec::<String>::new()
        );
        assert_eq!(
            unnamed_crates(&packages, "about webs and `stand-in`"),
            ["ARCHITECTURE.md does not name web"]
        );
    }

    #[test]
    fn numbers() {
        let check = |names: &[&str], expect: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(number_faults(&names), expect);
        };
        check(&["0001_a.sql", "0002_b.sql"], &[]);
        check(&["0001_a.sql", "0001_b.sql"], &["0001_b.sql should begin with 0002_"]);
        check(&["0001_a.sql", "0003_b.sql"], &["0003_b.sql should begin with 0002_"]);
    }

    #[test]
    fn files() {
        let check = |path: &str, text: &str, expect: &[&str]| {
            assert_eq!(file_faults(path.as_ref(), text), expect, "{path}: {text:.40}");
        };
        check("agent/src/turn.rs", &"\n".repeat(500), &[]);
        check(
            "web/ui/a.css",
            &"\n".repeat(501),
            &["web/ui/a.css has 501 lines, more than 500: it is about two subjects"],
        );
        check(
            "agent/src/core/mod.rs",
            "",
            &["agent/src/core/mod.rs: `core` says nothing about what is inside"],
        );
        check(
            "web/ui/utils.ts",
            "",
            &["web/ui/utils.ts: `utils` says nothing about what is inside"],
        );
        check("a.rs", "// mod core\nuse core::fmt;\nmod cores;", &[]);
        check(
            "a.rs",
            "  pub(crate) mod helpers;",
            &["a.rs: `helpers` says nothing about what is inside"],
        );
        check(
            "a.rs",
            "mod common {",
            &["a.rs: `common` says nothing about what is inside"],
        );
        let left_out =
            |mark: &str, path: &str| format!("{path}: `{mark}` leaves a test out; a test runs or is deleted");
        for (path, mark, rest) in [
            ("a.rs", concat!("#[", "ignore"), " = \"slow\"]"),
            ("a.test.ts", concat!("it.", "skip"), "('x')"),
            ("a.mjs", concat!(".", "only("), "'x')"),
            ("a.py", concat!("mark.", "skip"), "if(True)"),
        ] {
            check(path, &format!("{mark}{rest}"), &[left_out(mark, path).as_str()]);
        }
        check("a.rs", ".skip(1) // ignore this", &[]);
    }
}
