//! Refusals that mean an empty account, an unpaid bill or a spending limit, and not a rate limit: decided by the status
//! and by the error's code or type; by the message only where a provider gives nothing else. A message counts by its
//! beginning, which is the provider's own: servers quote a request, and with it a stranger's change, further on.

/// Codes and types of errors, whatever the status.
const CODES: [&str; 6] = [
    // OpenAI: <https://platform.openai.com/docs/guides/error-codes>
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    // Anthropic: <https://docs.anthropic.com/en/api/errors>
    "billing_error",
    // Gateways.
    "payment_required",
    "insufficient_credits",
];

/// The code of a plain rate limit, whose message may mention billing ("Add a payment method to raise your limit").
const RATE_LIMIT_CODE: &str = "rate_limit_exceeded";

/// A message of a provider that gives no code for it.
struct Message {
    beginning: &'static str,
    /// A text that must follow somewhere, if messages of other causes have the same beginning; else empty.
    part: &'static str,
}

const fn message(beginning: &'static str) -> Message {
    Message { beginning, part: "" }
}

/// Messages, lower case. OpenAI's "You exceeded your current quota" is not among them: it comes with a code, and
/// Gemini's rate limit begins with the same words. An unknown message of a 429 is a rate limit, which is retried; of a
/// 400 a rejected request, of a 403 a refused key.
const MESSAGES: [Message; 5] = [
    // Anthropic, 400 `invalid_request_error`.
    message("your credit balance is too low"),
    message("you have reached your specified api usage limit"),
    // DeepSeek, where a gateway changes the status 402.
    message("insufficient balance"),
    // OpenRouter, likewise.
    message("insufficient credit"),
    // xAI, 429 and 403: <https://github.com/continuedev/continue/issues/10373>
    Message {
        beginning: "your team ",
        part: "reached its monthly spending limit",
    },
];

/// Returns whether a refusal is about money. `codes` are the error's type and code, lower case.
pub(super) fn is_about_money(status: u16, codes: &[String], message: &str) -> bool {
    if status == 402 {
        return true;
    }
    if !matches!(status, 400 | 403 | 429) || codes.iter().any(|code| code == RATE_LIMIT_CODE) {
        return false;
    }
    let message = message.trim_start().to_lowercase();
    let is_known = |known: &Message| message.starts_with(known.beginning) && message.contains(known.part);
    codes.iter().any(|code| CODES.contains(&code.as_str())) || MESSAGES.iter().any(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_decides_under_a_refusing_status() {
        for code in CODES {
            let codes = ["error".to_owned(), code.to_owned()];
            for (status, expected) in [(400, true), (403, true), (429, true), (404, false), (500, false)] {
                assert_eq!(is_about_money(status, &codes, ""), expected, "{status} {code}");
            }
        }
        assert!(is_about_money(402, &[], ""));
    }

    #[test]
    fn each_message_decides_by_its_beginning() {
        for known in MESSAGES {
            let whole = format!(
                "{}42 has {}. Go to billing.",
                known.beginning.to_uppercase(),
                known.part
            );
            let quoted = format!("1 validation error, input: {whole}");
            for status in [400, 403, 429] {
                assert!(is_about_money(status, &[], &whole), "{status} {whole}");
                assert!(!is_about_money(status, &[], &quoted), "{status} {quoted}");
                let limit = [RATE_LIMIT_CODE.to_owned()];
                assert!(!is_about_money(status, &limit, &whole), "{status} {whole}");
            }
            assert!(!is_about_money(500, &[], &whole), "{whole}");
        }
    }

    #[test]
    fn an_unknown_message_is_not_about_money() {
        for message in [
            "",
            "quota of the plan is used up",
            "see billing",
            "Your team is not found",
        ] {
            assert!(!is_about_money(429, &["tokens".to_owned()], message), "{message}");
        }
    }
}
