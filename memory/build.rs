//! The migrations are compiled into the program: a new or changed file must cause a new build.

fn main() {
    println!("cargo::rerun-if-changed=../migrations");
}
