//! A file that is new in `dist` is otherwise missing from the next binary: only changed files are noticed.

fn main() {
    println!("cargo::rerun-if-changed=dist");
}
