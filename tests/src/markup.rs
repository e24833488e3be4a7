//! Whether a text is well-formed markup: enough of XML to find a tag left open or a value that was not escaped.

/// Elements of HTML that have no end.
const VOID: [&str; 5] = ["meta", "br", "hr", "img", "link"];

/// The names of all elements, in the order of their beginnings.
///
/// # Errors
/// A sentence with the first thing that is wrong.
pub fn elements(text: &str) -> Result<Vec<String>, String> {
    let mut open: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        plain(before)?;
        let end = tag.find('>').ok_or_else(|| format!("a tag is left open: {}", start(tag)))?;
        let inside = tag.get(1..end).unwrap_or_default();
        rest = tag.get(end + 1..).unwrap_or_default();
        if inside.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> ends nothing that is open: {open:?}"));
            }
            continue;
        }
        let name = inside.split([' ', '\n', '/']).next().unwrap_or_default();
        attributes(inside.get(name.len()..).unwrap_or_default().trim_end_matches('/'))
            .map_err(|why| format!("<{}>: {why}", start(inside)))?;
        found.push(name.to_owned());
        if inside.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        open.push(name);
        if name == "style" {
            let end = rest.find("</style>").ok_or("a style is left open")?;
            rest = rest.get(end..).unwrap_or_default();
        }
    }
    plain(rest)?;
    if open.is_empty() { Ok(found) } else { Err(format!("left open: {open:?}")) }
}

/// Text between tags: every `&` begins an entity, and no `>` stands alone.
fn plain(text: &str) -> Result<(), String> {
    for after in text.split('&').skip(1) {
        let name = after.split(';').next().unwrap_or_default();
        let is_entity = after.contains(';') && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '#');
        if !is_entity || name.is_empty() {
            return Err(format!("an & that is no entity: {}", start(after)));
        }
    }
    if text.contains('>') { Err(format!("a > that ends nothing: {}", start(text))) } else { Ok(()) }
}

/// `name="value"`, as many as there are.
fn attributes(text: &str) -> Result<(), String> {
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or_else(|| format!("no attribute: {rest}"))?;
        if name.is_empty() || name.contains(|one: char| !one.is_ascii_alphanumeric() && !"-:".contains(one)) {
            return Err(format!("{name:?} is no name of an attribute"));
        }
        let (value, after) = after.split_once('"').ok_or_else(|| format!("{name} is left open"))?;
        plain(value)?;
        rest = after.trim();
    }
    Ok(())
}

fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn what_is_well_formed_is_told_from_what_is_not() {
        let good = "<!doctype html><a x=\"1\" y-z=\"&lt;\"><meta a=\"b\"><b/>&amp; text</a>";
        assert_eq!(elements(good), Ok(["a", "meta", "b"].map(str::to_owned).to_vec()));
        for bad in ["<a>", "<a></b>", "</a>", "<a x=y></a>", "a & b", "a > b", "<a x=\"1></a>", "<a \"x\"></a>", "<a"] {
            assert!(elements(bad).is_err(), "{bad}");
        }
    }
}
