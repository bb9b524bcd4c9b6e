//! Mails and alarms, taken by a server that speaks SES and SNS.

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sns::config::{Credentials, SharedCredentialsProvider};
use holdfast_aws::people::AwsNotifyPeople;
use holdfast_core::port::{Alarm, Mail, NotifyPeople};

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

#[tokio::test(flavor = "multi_thread")]
async fn ses_and_sns_accept_mails_and_alarms() {
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
    let mails = aws_sdk_sesv2::Client::new(&config);
    let from = "holdfast@example.org";
    mails.create_email_identity().email_identity(from).send().await.unwrap();
    let people = AwsNotifyPeople::new(&config, from, topic);
    let mail = Mail {
        key: "octo-demo-12-1-1".to_owned(),
        to: vec!["maintainer@example.org".to_owned()],
        subject: "Holdfast: approval needed for octo/demo#12".to_owned(),
        text: "Look at it.".to_owned(),
        html: Some("<p>Look at it.</p>".to_owned()),
    };
    people.send_mail(&mail).await.unwrap();
    people
        .raise_alarm(
            &"octo-demo-12-1".parse().unwrap(),
            &Alarm::Cleanup("the check is open".to_owned()),
        )
        .await
        .unwrap();

    let nobody = Mail { to: Vec::new(), ..mail };
    let error = people.send_mail(&nobody).await.unwrap_err().to_string();
    assert!(error.contains("HOLDFAST_APPROVERS"), "{error}");
    let missing = AwsNotifyPeople::new(&config, from, "arn:aws:sns:eu-central-1:000000000000:missing");
    let error = missing
        .raise_alarm(&"octo-demo-12-1".parse().unwrap(), &Alarm::Cleanup("x".to_owned()))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the topic arn:aws:sns") && error.contains("NotFound"),
        "{error}"
    );
}
