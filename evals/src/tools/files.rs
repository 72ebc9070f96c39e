//! Files and pictures.

use async_trait::async_trait;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::world::{World, missing, plan, says};

/// Lists files and pictures by their names.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoInput {}

pub(super) struct ListFiles(pub(super) World);

#[async_trait]
impl Tool for ListFiles {
    type Input = NoInput;
    const NAME: &'static str = "list_files";

    fn risk(&self, _input: &NoInput) -> Risk {
        Risk::read(Trust::Operator)
    }

    async fn run(&self, _context: &Context, _input: NoInput) -> Result<Output, Error> {
        let state = self.0.state();
        let names: Vec<&str> = state
            .files
            .keys()
            .chain(state.images.keys())
            .map(String::as_str)
            .collect();
        Ok(says(names.join("\n")))
    }
}

/// Reads a file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadInput {
    /// The whole path.
    path: String,
}

pub(super) struct ReadFile(pub(super) World);

#[async_trait]
impl Tool for ReadFile {
    type Input = ReadInput;
    const NAME: &'static str = "read_file";

    fn risk(&self, _input: &ReadInput) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    fn target(&self, input: &ReadInput) -> Option<String> {
        Some(input.path.clone())
    }

    async fn run(&self, _context: &Context, input: ReadInput) -> Result<Output, Error> {
        let files = self.0.state().files;
        let text = files.get(&input.path).cloned();
        self.0.reads_private();
        text.map(says).ok_or_else(|| missing("file", &input.path, files.keys()))
    }
}

/// Writes a file; what stood in it is gone. An empty text deletes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteInput {
    /// The whole path.
    path: String,
    text: String,
}

pub(super) struct WriteFile(pub(super) World);

#[async_trait]
impl Tool for WriteFile {
    type Input = WriteInput;
    const NAME: &'static str = "write_file";

    fn risk(&self, _input: &WriteInput) -> Risk {
        Risk::acts(Effect::Destructive, Trust::Operator)
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &WriteInput) -> Option<String> {
        Some(input.path.clone())
    }

    async fn plan(&self, _context: &Context, input: &WriteInput) -> Result<Plan, Error> {
        let before = self.0.state().files.get(&input.path).cloned();
        let title = if input.text.is_empty() {
            format!("delete {}", input.path)
        } else {
            format!("write {}", input.path)
        };
        Ok(plan(
            title,
            before.unwrap_or_else(|| "no such file".into()),
            input.text.clone(),
        ))
    }

    async fn run(&self, context: &Context, input: WriteInput) -> Result<Output, Error> {
        let title = self.plan(context, &input).await?.title;
        self.0.does(title.clone(), |state| {
            if input.text.is_empty() {
                state.files.remove(&input.path);
            } else {
                state.files.insert(input.path, input.text);
            }
        });
        Ok(says(format!("{title}: done")))
    }
}

/// Says what is seen in a picture.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageInput {
    /// The name of the picture.
    image: String,
}

pub(super) struct DescribeImage(pub(super) World);

#[async_trait]
impl Tool for DescribeImage {
    type Input = ImageInput;
    const NAME: &'static str = "describe_image";

    fn risk(&self, _input: &ImageInput) -> Risk {
        Risk::read(Trust::Operator)
    }

    async fn run(&self, _context: &Context, input: ImageInput) -> Result<Output, Error> {
        let images = self.0.state().images;
        let seen = images.get(&input.image).cloned();
        seen.map(says)
            .ok_or_else(|| missing("picture", &input.image, images.keys()))
    }
}
