//! The DynamoDB table beyond the contract: lost answers, refusals, and the texts of its errors.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use holdfast_aws::dynamodb::DynamodbKeepRows;

use super::*;
use crate::proxy::{Fate, Proxy};
use crate::server;

/// Tables made by this program.
static TABLES: AtomicU32 = AtomicU32::new(0);

pub struct Table {
    name: String,
}

impl Table {
    pub async fn new() -> Self {
        let name = format!("table-{}", TABLES.fetch_add(1, Ordering::Relaxed));
        let attribute = |name: &str| {
            let text = AttributeDefinition::builder().attribute_type(ScalarAttributeType::S);
            text.attribute_name(name).build().unwrap()
        };
        let key = |name: &str, kind| {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            key.build().unwrap()
        };
        let create = client().create_table().table_name(&name);
        let create = create
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range));
        create.send().await.unwrap();
        Self { name }
    }

    fn at(&self, address: SocketAddr) -> DynamodbKeepRows {
        DynamodbKeepRows::from_config(config(address), &self.name)
    }
}

#[async_trait]
impl World for Table {
    async fn open(&self) -> Arc<dyn KeepRows> {
        Arc::new(self.at(server::address()))
    }
}

#[async_trait]
impl logs::LogWorld for Table {
    async fn open_logs(&self) -> Arc<dyn KeepLogs> {
        Arc::new(self.at(server::address()))
    }
}

fn config(address: SocketAddr) -> Builder {
    Builder::new()
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("id", "secret-key", None, None, "test"))
}

fn client() -> Client {
    let config = config(server::address()).behavior_version(BehaviorVersion::v2026_01_12());
    Client::from_conf(config.build())
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_by_the_next() {
    let table = Table::new().await;
    let proxy = Proxy::start(server::address());
    let (rows, key) = (table.at(proxy.address), "claim/1");

    proxy.set(Fate::NeverSent);
    let error = rows.put(key, &n(1), Precondition::Absent).await.unwrap_err();
    assert!(error.key == key && error.detail.contains(&table.name), "{error}");
    assert_eq!(proxy.take_requests(), 1, "nothing is repeated");
    proxy.set(Fate::Answered);
    assert_eq!(rows.get(key).await.unwrap(), None);

    proxy.take_requests();
    proxy.set(Fate::AnswerLost);
    rows.put(key, &n(1), Precondition::Absent).await.unwrap_err();
    assert_eq!(proxy.take_requests(), 1, "nothing is repeated");
    proxy.set(Fate::Answered);
    assert_eq!(
        rows.put(key, &n(1), Precondition::Absent).await.unwrap(),
        conflict(1, &n(1))
    );

    proxy.set(Fate::AnswerLost);
    rows.put(key, &n(2), Precondition::Version(1)).await.unwrap_err();
    proxy.set(Fate::Answered);
    assert_eq!(
        rows.put(key, &n(2), Precondition::Version(1)).await.unwrap(),
        conflict(2, &n(2))
    );

    proxy.set(Fate::AnswerLost);
    rows.delete(key, 2).await.unwrap_err();
    proxy.set(Fate::Answered);
    assert_eq!(rows.delete(key, 2).await.unwrap(), done(2));
    assert_eq!(rows.list("claim/", 9).await.unwrap(), []);
}

#[tokio::test]
async fn errors_are_one_line_and_hold_no_credential() {
    let table = Table::new().await;
    let proxy = Proxy::start(server::address());
    let rows = table.at(proxy.address);
    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded"}"#;
    let torn =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","Item":{"value":{"S":"TOKEN"#;
    let cases = [
        (
            Fate::Instead("400 Bad Request", throttled),
            "ThrottlingException: Rate exceeded",
        ),
        (Fate::Instead("500 Internal Server Error", "TOKEN\nTOKEN"), "table"),
        (Fate::Instead("200 OK", r#"{"Item":{"value":{"S":"TOKEN"#), "table"),
        (Fate::Instead("400 Bad Request", torn), "table"),
        (Fate::NeverSent, "table"),
    ];
    for (fate, expected) in cases {
        proxy.set(fate);
        let mut errors = vec![
            rows.get("a/1").await.unwrap_err(),
            rows.list("a/", 1).await.unwrap_err(),
        ];
        for written in [
            rows.put("a/1", &json!({ "token": "TOKEN" }), Precondition::Absent)
                .await,
            rows.delete("a/1", 1).await,
        ] {
            // For a write, any answer with a success status counts.
            errors.extend(written.err());
        }
        for error in errors {
            let message = error.to_string();
            assert!(message.contains(expected) && message.contains(&table.name), "{message}");
            assert!(
                !message.contains("TOKEN") && !message.contains("secret-key") && !message.contains('\n'),
                "{message}"
            );
        }
        assert_eq!(proxy.take_requests(), 4, "nothing is repeated");
    }
}

#[tokio::test]
async fn a_missing_table_is_named_with_its_remedy() {
    let rows = DynamodbKeepRows::from_config(config(server::address()), "elsewhere");
    for error in [
        rows.get("a/1").await.unwrap_err(),
        rows.put("a/1", &n(1), Precondition::Absent).await.unwrap_err(),
        rows.delete("a/1", 1).await.unwrap_err(),
        rows.list("a/", 1).await.unwrap_err(),
    ] {
        let message = error.to_string();
        for part in ["elsewhere", "ResourceNotFound", "pk", "sk", "Check that"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let table = Table::new().await;
    let proxy = Proxy::start(server::address());
    let rows = table.at(proxy.address);
    let value = json!({ "text": "x".repeat(100_000) });
    for index in 0..25 {
        rows.put(&format!("large/{index:02}"), &value, Precondition::Absent)
            .await
            .unwrap();
    }
    proxy.take_requests();
    assert_eq!(rows.list("large/", 100).await.unwrap().len(), 25);
    let requests = proxy.take_requests();
    assert!((3..=4).contains(&requests), "2.5 MB came in {requests} answers");
    assert_eq!(rows.list("large/", 5).await.unwrap().len(), 5);
    assert_eq!(proxy.take_requests(), 1);
    assert_eq!(rows.list("large/", 0).await.unwrap().len(), 0);
    assert_eq!(proxy.take_requests(), 0);
}

#[tokio::test]
async fn a_row_of_another_program_is_reported() {
    let table = Table::new().await;
    let rows = table.at(server::address());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let version = || AttributeValue::N("1".to_owned());
    for (name, version, value) in [
        ("no-version", None, Some(text("{}"))),
        ("text-version", Some(text("1")), Some(text("{}"))),
        ("no-value", Some(version()), None),
        ("torn-value", Some(version()), Some(text(r#"{"token":"TOKEN"#))),
        ("no-object", Some(version()), Some(text("[]"))),
    ] {
        let put = client().put_item().table_name(&table.name);
        let mut put = put.item("pk", text("odd")).item("sk", text(name));
        if let Some(version) = version {
            put = put.item("version", version);
        }
        if let Some(value) = value {
            put = put.item("value", value);
        }
        put.send().await.unwrap();
        let key = format!("odd/{name}");
        for error in [
            rows.get(&key).await.unwrap_err(),
            rows.put(&key, &n(1), Precondition::Absent).await.unwrap_err(),
            rows.list(&key, 1).await.unwrap_err(),
        ] {
            let message = error.to_string();
            assert!(
                message.contains(&key) && message.contains("another program"),
                "{message}"
            );
            assert!(!message.contains("TOKEN"), "{message}");
        }
    }
}
