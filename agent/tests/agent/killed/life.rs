//! Lives that end too early.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jarvis_gateway::clock::Fixed;
use jarvis_gateway::providers::scripted::{Scripted, Turn, says};
use jarvis_memory::Store;
use tempfile::TempDir;

use super::rows::{Rows, settled};
use super::story::Story;
use crate::support::fate::{Fate, FatedModel, FatedWall};
use crate::support::house::NOW;
use crate::support::wall::Wall;
use crate::support::{House, World};

/// Lives the story to its end, then dies in it before each of its steps, and in each start after that before each of its.
pub(super) fn lived_and_died(story: Story, [writes, effects, shows]: [&[&str]; 3]) {
    let table = [writes, effects, shows].map(owned);
    let beginning = of_story(story);
    let (outside, fate) = (beginning.outside(0), Fate::default());
    assert!(beginning.play(&outside, &fate));
    assert!(beginning.recover(&outside, &Fate::default(), &format!("{story:?}, undisturbed")));
    let (mut step, mut processes, mut known) = (0, 0, BTreeSet::new());
    let mut lived = false;
    while !lived {
        // The step of the next start before which that one dies, too.
        let mut second = None;
        loop {
            processes += 1;
            let outside = beginning.outside(processes);
            lived = beginning.play(&outside, &Fate::before(step));
            let at = format!("{story:?}, killed before step {step}, and the start before {second:?}");
            let is_new = second.is_none() && story.has_a_start_of_its_own() && known.insert(outside.left());
            let over = second.is_some_and(|last| beginning.recover(&outside, &Fate::before(last), &at));
            assert!(over || beginning.recover(&outside, &Fate::default(), &at), "{at}");
            std::fs::remove_file(&outside.path).expect("it was there");
            second = match second {
                None if is_new => Some(0),
                Some(last) if !over => Some(last + 1),
                None | Some(_) => break,
            };
        }
        step += 1;
    }
    println!("{story:?}: {step} steps, {processes} times");
    assert_eq!(parted(&outside, &fate), table, "{story:?}");
}

/// The writes and the effects of a life, and what the outbox wrote and did beside them, in whichever order it came to it.
fn parted(outside: &Outside, fate: &Fate) -> [Vec<String>; 3] {
    let journal = in_a_process(async {
        let store = Fate::default().store(&outside.url).await;
        let journal = store.texts_raw("SELECT step FROM journal ORDER BY n").await;
        store.close().await;
        journal.expect("a journal")
    });
    let is_shown = |step: &String| step.starts_with("copy ") || step.ends_with("shown") || step.ends_with("changed");
    let (copies, writes) = journal.into_iter().partition(is_shown);
    let (on_the_wall, effects): (Vec<String>, _) = owned(&fate.effects()).into_iter().partition(is_shown);
    let shows: BTreeSet<String> = [copies, on_the_wall].concat().into_iter().collect();
    [writes, effects, shows.into_iter().collect()]
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What a story begins with.
struct Beginning {
    story: Story,
    folder: TempDir,
    database: Vec<u8>,
    conversation: String,
    card: Option<String>,
}

/// What outlives a process.
pub(super) struct Outside {
    pub(super) url: String,
    path: PathBuf,
    pub(super) world: World,
    pub(super) wall: Wall,
    clock: Fixed,
    pub(super) heard: RefCell<Vec<&'static str>>,
}

impl Outside {
    /// The rows that a start goes by. Steps that leave the same ones have the same start.
    fn left(&self) -> Vec<String> {
        const ROWS: &str = "SELECT 'run ' || status FROM runs UNION ALL SELECT 'call ' || outcome FROM tool_calls
            UNION ALL SELECT 'command' FROM messages WHERE unanswered = 1
            UNION ALL SELECT 'card ' || status || untold FROM approvals
            UNION ALL SELECT 'copy ' || state FROM deliveries";
        in_a_process(async {
            let store = Fate::default().store(&self.url).await;
            let rows = store.texts_raw(ROWS).await.expect("a store");
            store.close().await;
            rows
        })
    }
}

/// Everything that `work` started ends with it, wherever it stands.
fn in_a_process<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// Each change of a row is a line in a journal, in its own transaction.
fn journal() -> String {
    let mut sql = "CREATE TABLE journal (n INTEGER PRIMARY KEY, step TEXT NOT NULL);".to_owned();
    for (table, on, what) in [
        ("runs", "INSERT", "'run ' || NEW.status"),
        (
            "runs",
            "UPDATE OF status",
            "'run ' || NEW.status || ' ' || NEW.stop_reason",
        ),
        ("messages", "INSERT", "'message ' || NEW.role"),
        (
            "messages",
            "UPDATE OF unanswered",
            "'command ' || CASE NEW.unanswered WHEN 1 THEN 'said' ELSE 'answered' END",
        ),
        ("tool_calls", "INSERT", "'call ' || NEW.outcome"),
        ("tool_calls", "UPDATE", "'call ' || NEW.outcome"),
        ("approvals", "INSERT", "'card ' || NEW.status"),
        (
            "approvals",
            "UPDATE OF status, untold",
            "'card ' || NEW.status || CASE NEW.untold WHEN 1 THEN ' untold' ELSE '' END",
        ),
        ("approval_votes", "INSERT", "'vote'"),
        ("grants", "INSERT", "'grant'"),
        ("audit", "INSERT", "'audit ' || NEW.kind"),
        ("kept_results", "INSERT", "'result kept'"),
        ("conversations", "UPDATE OF summary", "'summary'"),
        ("deliveries", "INSERT", "'copy ' || NEW.state"),
        ("deliveries", "UPDATE OF state, shown", "'copy ' || NEW.state"),
    ] {
        let name: String = format!("{table}_{on}")
            .chars()
            .filter(char::is_ascii_alphabetic)
            .collect();
        sql += &format!(
            "CREATE TRIGGER journal_{name} AFTER {on} ON {table} BEGIN INSERT INTO journal (step) VALUES ({what}); END;"
        );
    }
    sql
}

fn of_story(story: Story) -> Beginning {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("begin.db");
    let (conversation, card) = in_a_process(async {
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .expect("a store");
        let model = Arc::new(Scripted::new(story.scripts().0));
        let world = World::new();
        let house = House::at(store, world, model, Fixed::at(NOW), story.approvals(), "").await;
        let created = house.agent.create_conversation(&crate::support::owner()).await;
        let conversation = created.expect("a conversation").id;
        let house = House {
            conversation: conversation.clone(),
            ..house
        };
        story.begin(&house).await;
        let card = house.cards().await.pop().map(|card| card.id);
        house.store.execute_raw(&journal()).await.expect("the journal is made");
        house.store.close().await;
        (conversation, card)
    });
    Beginning {
        story,
        database: std::fs::read(&path).expect("the database"),
        folder,
        conversation,
        card,
    }
}

impl Beginning {
    fn outside(&self, number: usize) -> Outside {
        let path = self.folder.path().join(format!("{number}.db"));
        std::fs::write(&path, &self.database).expect("a copy");
        let world = World::new();
        if self.story == Story::ReadsALot {
            world.set_log("web", &"one more line of the log\n".repeat(2_000));
        }
        Outside {
            url: format!("sqlite:{}", path.display()),
            path,
            world,
            wall: Wall::new(),
            clock: Fixed::at(NOW),
            heard: RefCell::default(),
        }
    }

    /// One process, until `work` is over or its fate comes.
    async fn process(&self, outside: &Outside, fate: &Fate, script: Vec<Turn>, work: impl AsyncFnOnce(&House)) -> bool {
        let store = fate.store(&outside.url).await;
        let lives = async {
            let mut world = outside.world.clone();
            world.fate = fate.clone();
            let model = Arc::new(FatedModel(Scripted::new(script), fate.clone()));
            let (clock, approvals) = (outside.clock.clone(), self.story.approvals());
            let house = House::at(store.clone(), world, model, clock, approvals, &self.conversation).await;
            house
                .agent
                .connect(Arc::new(FatedWall(outside.wall.clone(), fate.clone())));
            work(&house).await;
            assert!(house.tasks.stop(Duration::from_secs(20)).await, "it stops");
            store.close().await;
        };
        tokio::select! {
            biased;
            () = fate.comes(&store) => false,
            () = lives => true,
        }
    }

    /// The story, in a process with this fate. Whether it was lived to its end.
    fn play(&self, outside: &Outside, fate: &Fate) -> bool {
        let script = self.story.scripts().1;
        in_a_process(self.process(outside, fate, script, async |house| {
            self.story.play(house, self.card.as_deref(), &outside.heard).await;
        }))
    }

    /// A start on what was left, in a process with this fate. Whether it came to its end, and then all is as it must be.
    fn recover(&self, outside: &Outside, fate: &Fate, at: &str) -> bool {
        in_a_process(self.process(outside, fate, vec![says("So it is.")], async |house| {
            settled(house).await;
            self.check(outside, house.store.clone(), at).await;
        }))
    }

    async fn check(&self, outside: &Outside, store: Store, at: &str) {
        let rows = Rows { store };
        rows.hold_together(at).await;
        let heard = outside.heard.borrow().clone();
        rows.keep_what_was_heard(&heard, at).await;
        if let Some(act) = self.story.act() {
            rows.tell_the_truth_of(act, &outside.world, at).await;
        }
        let (shows, cards) = (outside.wall.shows(), rows.ask("SELECT id FROM approvals").await);
        assert!(shows.len() <= cards.len(), "{at}: no copy is shown twice: {shows:?}");
    }
}
