//! A page as a person's browser has it: what its forms send without being typed into.

/// The value of a hidden field in the form that goes to `action`, where the page has one.
pub fn hidden_field(html: &str, action: &str, name: &str) -> Option<String> {
    let (_, form) = html.split_once(&format!("action=\"{action}\""))?;
    let (_, value) = form.split_once(&format!("name=\"{name}\" value=\""))?;
    let (value, _) = value.split_once('"')?;
    Some(value.to_owned())
}
