//! Pages in a person's browser: the fields that a form sends without any input.

/// Returns the value of a hidden field in the form to `action`, if the page has it.
pub fn hidden_field(html: &str, action: &str, name: &str) -> Option<String> {
    let (_, form) = html.split_once(&format!("action=\"{action}\""))?;
    let (_, value) = form.split_once(&format!("name=\"{name}\" value=\""))?;
    let (value, _) = value.split_once('"')?;
    Some(value.to_owned())
}
