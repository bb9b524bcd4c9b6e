//! Pieces of forms. Every form that changes something is a POST with a nonce, and what cannot be taken back is confirmed
//! by a box that has to be ticked: no script is needed for it.

use maud::{Markup, html};

use crate::field;
use crate::view::PostForm;

/// The hidden nonce.
pub fn nonce(form: &PostForm) -> Markup {
    html! { input type="hidden" name=(field::CSRF) value=(form.csrf); }
}

/// An action behind a fold: what it does, a box to tick, its button.
pub struct Confirmed<'a> {
    /// What is written on the fold.
    pub name: &'a str,
    /// For ids on the page; unique there.
    pub id: &'a str,
    /// What happens, in a sentence or two.
    pub what: Markup,
    /// Fields of its own.
    pub fields: Markup,
    /// What the box says.
    pub confirm: &'a str,
    /// What the button says.
    pub button: &'a str,
    /// Whether it destroys something.
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

/// A required text of some lines, with its label.
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

/// The code from the mail, typed by hand.
pub fn code(id: &str) -> Markup {
    let hint_id = format!("{id}-hint");
    html! {
        div.field {
            label for=(id) { "Code from the mail" }
            p.hint #(hint_id) { "Type it by hand: it stands in the mail's text, in no link." }
            input.code-input type="text" id=(id) name=(field::CODE) required autocomplete="off" autocapitalize="characters"
                spellcheck="false" maxlength="64" aria-describedby=(hint_id);
        }
    }
}
