//! Server-sent events, as they come in pieces.

/// Makes messages of bytes.
#[derive(Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    message: Message,
    /// The newest id: what to go on from after the connection was lost.
    pub last_id: Option<String>,
}

/// One message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// Its kind; empty for the usual one.
    pub event: String,
    /// What it says.
    pub data: String,
    id: Option<String>,
}

impl Parser {
    /// One that goes on after a message.
    pub fn after(last_id: Option<String>) -> Self {
        Self {
            last_id,
            ..Self::default()
        }
    }

    /// Takes some bytes in, and gives out the messages that are complete by them.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut self.line);
                    let line = String::from_utf8_lossy(&line);
                    messages.extend(self.line(line.trim_end_matches('\r')));
                }
                byte => self.line.push(*byte),
            }
        }
        messages
    }

    fn line(&mut self, line: &str) -> Option<Message> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let mut message = std::mem::take(&mut self.message);
                // Not before the message is complete: a cut in between must not skip it.
                self.last_id = message.id.take().or(self.last_id.take());
                return (!message.data.is_empty()).then_some(message);
            }
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.message.event),
            "id" => self.message.id = Some(value.to_owned()),
            // Comments keep the connection alive.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_any_pieces() {
        let bytes = b": hello\n\nid: room:1.0\ndata: {\"a\":\ndata: 1}\n\nevent: problem\r\ndata: gone\r\n\r\nid: room:2.0\ndata";
        for size in [1, 3, 7, bytes.len()] {
            let mut parser = Parser::default();
            let messages: Vec<_> = bytes
                .chunks(size)
                .flat_map(|chunk| parser.take(chunk))
                .collect();
            let told: Vec<_> = messages
                .iter()
                .map(|message| (message.event.as_str(), message.data.as_str()))
                .collect();
            assert_eq!(told, [("", "{\"a\":\n1}"), ("problem", "gone")]);
            assert_eq!(parser.last_id.as_deref(), Some("room:1.0"));
        }
    }
}
