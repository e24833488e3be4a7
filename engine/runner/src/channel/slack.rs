//! The `slack` channel: an incoming webhook.

use serde_json::json;

use super::Message;

/// What is posted: text, with nothing in it that Slack would take for a mention, a link or a command.
pub(super) fn body(message: &Message) -> Vec<u8> {
    let text = format!("{}\n{}", message.subject, message.text);
    json!({ "text": escape(&text) }).to_string().into_bytes()
}

/// Slack reads these three, whatever else there is: `<!channel>` would wake everybody.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_message_is_a_mention() {
        assert_eq!(escape("<!channel> a & b <http://x|y>"), "&lt;!channel&gt; a &amp; b &lt;http://x|y&gt;");
    }
}
