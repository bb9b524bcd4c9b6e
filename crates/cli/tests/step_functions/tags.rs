//! Tags: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html>

use aws_sdk_sfn::types::Tag;
use serde_json::json;

use crate::support::{ROLE, Server, one, refusal};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn tags(server: &Server, arn: &str) -> Vec<(String, String)> {
    let listed = server.client.list_tags_for_resource().resource_arn(arn).send().await;
    let listed = listed.unwrap().tags.unwrap_or_default();
    let pairs = listed.into_iter().map(|tag| (tag.key.unwrap(), tag.value.unwrap()));
    pairs.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_kept_changed_and_deleted_with_their_machine() {
    let mut server = Server::start().await;
    let pass = one("P", json!({ "Type": "Pass" })).to_string();
    let create = server
        .client
        .create_state_machine()
        .name("m")
        .role_arn(ROLE)
        .definition(&pass);
    let arn = create.tags(tag("team", "a")).send().await.unwrap().state_machine_arn;
    // A repeated creation leaves the tags unchanged.
    let again = server
        .client
        .create_state_machine()
        .name("m")
        .role_arn(ROLE)
        .definition(&pass);
    again.tags(tag("team", "b")).send().await.unwrap();
    let client = server.client.clone();
    let put = || client.tag_resource().resource_arn(&arn);
    put()
        .tags(tag("team", "c"))
        .tags(tag("empty", ""))
        .send()
        .await
        .unwrap();
    put().set_tags(Some(Vec::new())).send().await.unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags(&server, &arn).await, [pair("empty", ""), pair("team", "c")]);
    server.kill_and_restart();
    let remove = server.client.untag_resource().resource_arn(&arn).tag_keys("empty");
    remove.tag_keys("never there").send().await.unwrap();
    assert_eq!(tags(&server, &arn).await, [pair("team", "c")]);

    let client = server.client.clone();
    let put = || client.tag_resource().resource_arn(&arn);
    let many = (0..50).map(|number| tag(&format!("k{number}"), "")).collect();
    assert_eq!(refusal(put().set_tags(Some(many)).send().await), "TooManyTags");
    let long = "x".repeat(257);
    for wrong in [tag("", "v"), tag("k", &long), tag(&long, "v"), tag("k", "*")] {
        assert_eq!(refusal(put().tags(wrong).send().await), "ValidationException");
    }
    for (other, expected) in [
        (format!("{arn}:1"), "ResourceNotFound"),
        (format!("{arn}x"), "ResourceNotFound"),
        ("m".to_owned(), "InvalidArn"),
    ] {
        let sent = client
            .tag_resource()
            .resource_arn(&other)
            .tags(tag("a", "b"))
            .send()
            .await;
        assert_eq!(refusal(sent), expected, "{other}");
    }

    client
        .delete_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await
        .unwrap();
    server.create("m", &one("P", json!({ "Type": "Pass" }))).await;
    assert_eq!(tags(&server, &arn).await, []);
}
