//! Questions for approval as rows: the newer token replaces the older one, and a lost answer writes nothing twice.

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
use holdfast_adapters::aws_people::AwsNotifyPeople;
use holdfast_core::model::approval::Approval;
use holdfast_core::model::finding::Severity;
use holdfast_core::port::NotifyPeople;

use super::*;
use crate::dynamodb::Table;
use crate::server;

fn config(address: SocketAddr) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "id", "secret", None, None, "test",
        )))
        .build()
}

fn approval(round: u32) -> Approval {
    Approval {
        run: "octo-demo-12-1".to_owned(),
        round,
        subject: "octo/demo#12".to_owned(),
        worst: Severity::High,
        findings: 2,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_token_is_kept() {
    let rows = Table::new().await.open().await;
    let config = config(server::address());
    let texts = aws_sdk_sns::Client::new(&config);
    let topic = texts
        .create_topic()
        .name("people")
        .send()
        .await
        .unwrap()
        .topic_arn
        .unwrap();
    let people = AwsNotifyPeople::with_rows(Arc::clone(&rows), &config, topic);
    let key = "approval/octo-demo-12-1#1";

    people.ask_approval(&approval(1), "first").await.unwrap();
    let question = json!({ "version": 1, "approval": approval(1), "token": "first" });
    assert_eq!(rows.get(key).await.unwrap(), Some(row(1, &question)));

    people.ask_approval(&approval(1), "first").await.unwrap();
    assert_eq!(rows.get(key).await.unwrap(), Some(row(1, &question)), "it was there");

    people.ask_approval(&approval(1), "second").await.unwrap();
    people.ask_approval(&approval(2), "third").await.unwrap();
    let kept = rows.list("approval/octo-demo-12-1#", 9).await.unwrap();
    let tokens: Vec<(u64, &str)> = kept
        .iter()
        .map(|(_, row)| (row.version, row.value["token"].as_str().unwrap()))
        .collect();
    assert_eq!(tokens, [(2, "second"), (1, "third")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_row_nobody_is_asked() {
    let rows = holdfast_adapters::dynamodb::DynamodbKeepRows::new(&config(server::address()), "elsewhere");
    let people = AwsNotifyPeople::with_rows(Arc::new(rows), &config(server::address()), "arn:aws:sns:x:1:nowhere");
    let said = people
        .ask_approval(&approval(1), "TOKEN")
        .await
        .unwrap_err()
        .to_string();
    assert!(said.contains("elsewhere") && !said.contains("TOKEN"), "{said}");
}
