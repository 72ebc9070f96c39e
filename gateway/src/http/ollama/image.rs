//! Images, which Ollama's clients send as bare base64.

/// The URL that stands for an image everywhere else. What is a URL already stays one.
pub(super) fn url_of(image: &str) -> String {
    let image = image.trim();
    if image.starts_with("data:") || image.starts_with("https://") || image.starts_with("http://") {
        return image.to_owned();
    }
    let mut url = format!("data:{};base64,", media_type(image));
    url.extend(image.chars().filter(|letter| !letter.is_ascii_whitespace()));
    url
}

/// Told by the first bytes of the file, as they look in base64.
fn media_type(base64: &str) -> &'static str {
    const SIGNATURES: [(&str, &str); 5] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("UklGR", "image/webp"),
        ("R0lGOD", "image/gif"),
        ("Qk", "image/bmp"),
    ];
    let found = SIGNATURES.iter().find(|(start, _)| base64.starts_with(start));
    found.map_or("image/jpeg", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use super::url_of;

    #[test]
    fn images_become_urls() {
        let check = |given: &str, expect: &str| assert_eq!(url_of(given), expect);
        check("iVBORw0KGgoAAA==", "data:image/png;base64,iVBORw0KGgoAAA==");
        check("/9j/4AAQ\nSkZJ\r\n", "data:image/jpeg;base64,/9j/4AAQSkZJ");
        check("UklGRiQA", "data:image/webp;base64,UklGRiQA");
        check("R0lGODlh", "data:image/gif;base64,R0lGODlh");
        check("AAAA", "data:image/jpeg;base64,AAAA");
        check("data:image/png;base64,AA==", "data:image/png;base64,AA==");
        check("https://example.org/a.png", "https://example.org/a.png");
    }
}
