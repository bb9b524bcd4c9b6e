//! Parts of forms. Every form that changes something is a POST with a nonce. Irreversible actions need a ticked box,
//! so no script is needed to confirm them.

use maud::{Markup, html};

use crate::field;
use crate::view::PostForm;

/// Returns the hidden nonce.
pub fn nonce(form: &PostForm) -> Markup {
    html! { input type="hidden" name=(field::CSRF) value=(form.csrf); }
}

/// A folded action: its effect, a box to tick, its button.
pub struct Confirmed<'a> {
    /// The label of the fold.
    pub name: &'a str,
    /// Prefix of ids on the page; unique there.
    pub id: &'a str,
    /// The effect, in a sentence or two.
    pub what: Markup,
    /// Additional fields.
    pub fields: Markup,
    /// The label of the box.
    pub confirm: &'a str,
    /// The label of the button.
    pub button: &'a str,
    /// Whether it is irreversible.
    pub is_grave: bool,
}

impl Confirmed<'_> {
    /// Renders it.
    pub fn render(&self, form: &PostForm) -> Markup {
        let box_id = format!("{}-confirm", self.id);
        let button_class = if self.is_grave {
            "button grave"
        } else {
            "button primary"
        };
        html! {
            details.action name="action" {
                summary.button { (self.name) }
                form.panel method="post" action=(form.action) {
                    (nonce(form))
                    p { (self.what) }
                    (self.fields)
                    div.check {
                        input type="checkbox" id=(box_id) name=(field::CONFIRM) value="yes" required;
                        label for=(box_id) { (self.confirm) }
                    }
                    button class=(button_class) type="submit" { (self.button) }
                }
            }
        }
    }
}

/// Renders a required text of several lines, with its label.
pub fn reason(id: &str, label: &str, hint: &str) -> Markup {
    let hint_id = format!("{id}-hint");
    html! {
        div.field {
            label for=(id) { (label) }
            p.hint #(hint_id) { (hint) }
            textarea id=(id) name=(field::REASON) rows="3" maxlength="2000" required aria-describedby=(hint_id) {}
        }
    }
}

/// Renders the field for the code from the mail.
pub fn code(id: &str) -> Markup {
    let hint_id = format!("{id}-hint");
    html! {
        div.field {
            label for=(id) { "Code from the mail" }
            p.hint #(hint_id) { "Copy it from the mail's text. The link does not contain it." }
            input.code-input type="text" id=(id) name=(field::CODE) required autocomplete="off" autocapitalize="characters"
                spellcheck="false" maxlength="64" aria-describedby=(hint_id);
        }
    }
}
