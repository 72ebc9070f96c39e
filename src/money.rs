//! What is used and spent: the price list, the budgets, the ledger, connected to the database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::metrics::Metrics;
use jarvis_gateway::tasks::Tasks;
use jarvis_gateway::usage::{Books, Budgets, Ledger, Prices, Retention};
use jarvis_memory::Store;
use jarvis_memory::shared::Redis;

use crate::config::Config;

/// A ledger writes a quarter of a second after the end of an attempt, so that others know of it within a second.
const READ_EVERY: Duration = Duration::from_millis(500);

/// What hears of every attempt, and who is asked before money is spent.
pub(crate) struct Money {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) budgets: Arc<Budgets>,
    prices: Arc<Prices>,
    retention: Arc<Retention>,
}

impl Money {
    /// Goes on with another configuration, and with the price list that was read for it.
    pub(crate) fn configure(&self, config: &Config, prices: Prices) {
        self.prices.replace(prices);
        self.budgets.set_caps(config.budget.caps());
        self.retention.set(config.usage);
    }
}

/// Reads what was spent before, and begins to write.
pub(crate) async fn open(
    config: &Config,
    store: &Store,
    clock: &Arc<dyn Clock>,
    (tasks, redis): (&Tasks, Option<&Redis>),
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Money> {
    let prices = Arc::new(prices(config)?);
    let budgets = Budgets::new(Arc::clone(&prices), Arc::clone(clock), config.budget.caps());
    let budgets = Arc::new(budgets);
    budgets.begin_with(store.spent(budgets.counts_from()).await?);
    if let Some(redis) = redis {
        budgets.share(&(Arc::new(redis.clone()) as _), tasks);
    }
    if config.database.url.is_some() {
        let (reader, stopping) = (
            read_again(Arc::clone(&budgets), store.clone()),
            tasks.stopping().clone(),
        );
        tasks.spawn("spending in the books", async move {
            stopping.run_until_cancelled(reader).await;
        });
    }
    let books = Arc::new(store.clone());
    let retention = Arc::new(Retention::new(Arc::clone(&books) as _, Arc::clone(clock), config.usage));
    let ledger = Ledger::new(books, Arc::clone(&prices), Arc::clone(&budgets), Arc::clone(clock));
    let ledger = Arc::new(ledger.with_metrics(Arc::clone(metrics)));
    let (writer, stopping) = (Arc::clone(&ledger), tasks.stopping().clone());
    tasks.spawn("ledger", async move { writer.run(stopping).await });
    let (forgetful, stopping) = (Arc::clone(&retention), tasks.stopping().clone());
    tasks.spawn("retention of usage", async move { forgetful.run(stopping).await });
    Ok(Money {
        ledger,
        budgets,
        prices,
        retention,
    })
}

/// On a database server other replicas write to the same books. What cannot be read now is read at the next round.
async fn read_again(budgets: Arc<Budgets>, store: Store) {
    loop {
        tokio::time::sleep(READ_EVERY).await;
        match store.spent(budgets.counts_from()).await {
            Ok(spent) => budgets.read_again(spent),
            Err(error) => tracing::debug!(%error, "what others spent could not be read"),
        }
    }
}

/// The program's price list, behind the one that the configuration names. That one is looked for beside the
/// configuration.
pub(crate) fn prices(config: &Config) -> anyhow::Result<Prices> {
    let Some(named) = &config.budget.prices else {
        return Prices::with("").context("the price list of this program is not right");
    };
    let folder = config.path.as_ref().and_then(|path| path.parent());
    let path = folder.map_or_else(|| named.clone(), |folder| folder.join(named));
    let text = std::fs::read_to_string(&path).with_context(|| format!("read the price list {}", path.display()))?;
    Prices::with(&text).with_context(|| format!("the price list {} is not right", path.display()))
}
