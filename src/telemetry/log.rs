//! Where log lines go and how they look.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::{Format, Settings};

/// Crates below ours that print request heads, bodies or URLs at their finer levels; they stay at
/// `warn` whatever the level, unless an operator names them.
const QUIET: &str = "hyper=warn,hyper_util=warn,h2=warn,rustls=warn,tower=warn,aws_smithy_runtime=warn,aws_smithy_runtime_api=warn,aws_sdk_cognitoidentityprovider=warn,aws_runtime=warn";

/// Begins to log to standard output: JSON lines, or text on a terminal.
///
/// # Errors
/// A level or filter that is not understood, or a logger that is set already.
pub fn start(settings: &Settings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.level))?;
    let terminal = std::io::stdout().is_terminal();
    let text = match settings.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    if text {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none();
        registry
            .with(fmt::layer().with_ansi(colours).with_target(false))
            .try_init()?;
    } else {
        registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_span_list(false),
            )
            .try_init()?;
    }
    Ok(())
}
