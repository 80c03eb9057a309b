//! One call to `Kv`, as it is typed: `put greeting hello`.

use clap::Subcommand;
use kv::Kv;
use transport::{Address, Status};

use crate::lens::bincode::Field;

/// A call to [`Kv`], as it is typed.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Give KEY the value VALUE
    Put {
        /// What gets a value
        key: String,
        /// The value
        value: String,
    },
    /// Print the value of KEY
    Get {
        /// Whose value
        key: String,
    },
    /// Remove KEY, and print whether it was there
    Del {
        /// What is removed
        key: String,
    },
    /// Add BY to the number of KEY, and print the new one
    Incr {
        /// Whose number
        key: String,
        /// How much is added
        #[arg(default_value_t = 1, allow_negative_numbers = true, value_parser = number)]
        by: i64,
    },
}

impl Command {
    /// Makes the call, and returns what is to be printed: nothing for `put`.
    ///
    /// # Errors
    /// Those of the method.
    pub async fn call(&self, kv: &impl Kv) -> Result<Option<String>, Status> {
        Ok(match self {
            Self::Put { key, value } => {
                kv.put(key, value).await?;
                None
            }
            Self::Get { key } => Some(kv.get(key).await?),
            Self::Del { key } => Some(kv.delete(key).await?.to_string()),
            Self::Incr { key, by } => Some(kv.increment(key, *by).await?.to_string()),
        })
    }

    /// The call as a line of Rust.
    pub fn source(&self) -> String {
        match self {
            Self::Put { key, value } => format!("kv.put({}, {})", quoted(key), quoted(value)),
            Self::Get { key } => format!("kv.get({})", quoted(key)),
            Self::Del { key } => format!("kv.delete({})", quoted(key)),
            Self::Incr { key, by } => format!("kv.increment({}, {by})", quoted(key)),
        }
    }

    /// The result of the call, as Rust would show it.
    pub fn result(&self, result: &Result<Option<String>, Status>) -> String {
        match (self, result) {
            (_, Err(status)) => format!("Err({status})"),
            (_, Ok(None)) => "Ok(())".to_owned(),
            (Self::Get { .. }, Ok(Some(value))) => format!("Ok({})", quoted(value)),
            (_, Ok(Some(value))) => format!("Ok({value})"),
        }
    }

    /// The message of the request: its name, and its fields.
    pub fn request(&self) -> (&'static str, &'static [Field]) {
        match self {
            Self::Put { .. } => ("PutRequest", &[Field::Text("key"), Field::Text("value")]),
            Self::Get { .. } => ("GetRequest", &[Field::Text("key")]),
            Self::Del { .. } => ("DeleteRequest", &[Field::Text("key")]),
            Self::Incr { .. } => ("IncrementRequest", &[Field::Text("key"), Field::Signed("by")]),
        }
    }

    /// The message of the reply: its name, and its fields.
    pub fn reply(&self) -> (&'static str, &'static [Field]) {
        match self {
            Self::Put { .. } => ("PutReply", &[]),
            Self::Get { .. } => ("GetReply", &[Field::Text("value")]),
            Self::Del { .. } => ("DeleteReply", &[Field::Bool("existed")]),
            Self::Incr { .. } => ("IncrementReply", &[Field::Signed("value")]),
        }
    }
}

/// An address at which two programs can meet.
///
/// # Errors
/// What is wrong with it, for the person who typed it.
pub fn between_programs(text: &str) -> Result<Address, String> {
    match text.parse::<Address>() {
        Ok(Address::Memory { .. }) => {
            Err("memory joins a client and a server in one program; two programs need tcp://host:port"
                .to_owned())
        }
        Ok(address) => Ok(address),
        Err(error) => Err(error.to_string()),
    }
}

/// Text in quotes, or the beginning of it where it is long.
fn quoted(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return format!("{text:?}");
    }
    let beginning: String = text.chars().take(LONGEST_TEXT).collect();
    format!("{beginning:?}… /* {} bytes */", text.len())
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "a whole number of 64 bits is expected, such as 3 or -3".to_owned())
}

const LONGEST_TEXT: usize = 24;
