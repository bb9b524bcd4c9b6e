//! The parser of a Map state: its processor, items, tolerance and writer.

use std::sync::Arc;

use serde_json::Value;

use super::fields::{Fields, Report};
use super::parse::{self, States};
use super::{ItemBatcher, ItemReader, MapState, Mode, StateBody, Writer};
use crate::PAYLOAD_LIMIT_BYTES;
use crate::command::{InputType, OutputType, Transformation};

/// The longest label that AWS allows.
const LABEL_CHARACTERS: usize = 40;

/// The maximum number of items that AWS reads.
const MAX_ITEMS: u64 = 100_000_000;

/// Reads a Map's own fields.
pub(super) fn map(name: &str, fields: &mut Fields<'_>, states: &mut States, report: &mut Report) -> Option<StateBody> {
    let items = match fields.take("Items") {
        // An array may contain expressions.
        Some(Value::Array(_)) => fields.template("Items", report),
        _ => fields.dynamic("Items", "an array", report, Value::is_array),
    };
    let selector = fields.template("ItemSelector", report);
    let batcher = batcher(fields, report);
    let max_concurrency = fields.dynamic_whole("MaxConcurrency", 0..=u64::from(u32::MAX), report);
    let tolerated_failure_count = fields.dynamic_whole("ToleratedFailureCount", 0..=u64::from(u32::MAX), report);
    let tolerated_failure_percentage = fields.dynamic(
        "ToleratedFailurePercentage",
        "a number from 0 to 100",
        report,
        |value| value.as_f64().is_some_and(|share| (0.0..=100.0).contains(&share)),
    );
    let label = label(name, fields, report);
    let reader = reader(fields, report);
    let writer = writer(fields, report);
    fields.required("ItemProcessor", report);
    let mut processor = fields.object("ItemProcessor", report)?;
    let distributed = mode(&mut processor, report);
    let mode = if distributed {
        Mode::Distributed(Arc::new(parse::item_processor(&mut processor, states, report)))
    } else {
        processor.text("Comment", report);
        Mode::Inline(states.flow(&mut processor, report))
    };
    processor.finish(report);
    if !distributed {
        for (field, present) in [
            ("ItemReader", reader.is_some()),
            ("ItemBatcher", batcher.is_some()),
            ("ResultWriter", writer.is_some()),
        ] {
            if present {
                fields.problem(report, field, "needs a processor of mode DISTRIBUTED");
            }
        }
    }
    if items.is_some() && reader.is_some() {
        fields.problem(report, "Items", "a Map has either `Items` or `ItemReader`, not both");
    }
    Some(StateBody::Map(Box::new(MapState {
        mode,
        items,
        reader,
        selector,
        batcher,
        max_concurrency,
        tolerated_failure_count,
        tolerated_failure_percentage,
        label,
        writer,
    })))
}

/// Returns true for a distributed processor.
fn mode(processor: &mut Fields<'_>, report: &mut Report) -> bool {
    let Some(mut config) = processor.object("ProcessorConfig", report) else {
        return false;
    };
    let distributed = config
        .one_of("Mode", &[("INLINE", false), ("DISTRIBUTED", true)], report)
        .unwrap_or(false);
    let kind = config.one_of("ExecutionType", &[("STANDARD", ())], report);
    if distributed && kind.is_none() && config.take("ExecutionType").is_none() {
        config.problem(report, "ExecutionType", "is missing: a distributed map needs STANDARD");
    }
    config.finish(report);
    distributed
}

fn label(name: &str, fields: &mut Fields<'_>, report: &mut Report) -> String {
    let label = fields.text("Label", report);
    if let Some(label) = label {
        let forbidden = |character: char| {
            character.is_whitespace() || character.is_control() || "?*<>{}[]:;,\\|^~$#%&`\"".contains(character)
        };
        if label.is_empty() || label.chars().count() > LABEL_CHARACTERS || label.chars().any(forbidden) {
            fields.problem(report, "Label", "must have 1 to 40 characters, none of them special");
        }
    }
    label.unwrap_or(name).chars().take(LABEL_CHARACTERS).collect()
}

fn batcher(fields: &mut Fields<'_>, report: &mut Report) -> Option<ItemBatcher> {
    let mut batcher = fields.object("ItemBatcher", report)?;
    let (max_items, max_bytes) = ("MaxItemsPerBatch", "MaxInputBytesPerBatch");
    if batcher.take(max_items).is_none() && batcher.take(max_bytes).is_none() {
        batcher.problem(
            report,
            max_items,
            "is missing: a batch is limited by its items or by its bytes",
        );
    }
    let parsed = ItemBatcher {
        max_items: batcher.dynamic_whole(max_items, 1..=u64::from(u32::MAX), report),
        max_bytes: batcher.dynamic_whole(max_bytes, 1..=PAYLOAD_LIMIT_BYTES as u64, report),
        input: batcher.template("BatchInput", report),
    };
    batcher.finish(report);
    Some(parsed)
}

fn reader(fields: &mut Fields<'_>, report: &mut Report) -> Option<ItemReader> {
    let mut reader = fields.object("ItemReader", report)?;
    resource(&mut reader, "arn:aws:states:::s3:getObject", report);
    let (mut input_type, mut max_items) = (None, None);
    match reader.object("ReaderConfig", report) {
        None => reader.problem(report, "ReaderConfig", "is missing: it defines how the object is read"),
        Some(mut config) => {
            config.required("InputType", report);
            input_type = config.one_of(
                "InputType",
                &[("JSON", InputType::Json), ("JSONL", InputType::Jsonl)],
                report,
            );
            max_items = config.dynamic_whole("MaxItems", 0..=MAX_ITEMS, report);
            config.finish(report);
        }
    }
    reader.required("Arguments", report);
    let arguments = reader.template("Arguments", report);
    reader.finish(report);
    Some(ItemReader {
        input_type: input_type?,
        max_items,
        arguments: arguments?,
    })
}

fn writer(fields: &mut Fields<'_>, report: &mut Report) -> Option<Writer> {
    let mut writer = fields.object("ResultWriter", report)?;
    resource(&mut writer, "arn:aws:states:::s3:putObject", report);
    let (mut output_type, mut transformation) = (OutputType::Json, Transformation::None);
    if let Some(mut config) = writer.object("WriterConfig", report) {
        let types = [("JSON", OutputType::Json), ("JSONL", OutputType::Jsonl)];
        output_type = config.one_of("OutputType", &types, report).unwrap_or(output_type);
        let forms = [
            ("NONE", Transformation::None),
            ("COMPACT", Transformation::Compact),
            ("FLATTEN", Transformation::Flatten),
        ];
        transformation = config
            .one_of("Transformation", &forms, report)
            .unwrap_or(transformation);
        config.finish(report);
    }
    writer.required("Arguments", report);
    let arguments = writer.template("Arguments", report);
    writer.finish(report);
    Some(Writer {
        arguments: arguments?,
        output_type,
        transformation,
    })
}

fn resource(fields: &mut Fields<'_>, allowed: &str, report: &mut Report) {
    fields.required("Resource", report);
    if let Some(resource) = fields.text("Resource", report)
        && resource != allowed
    {
        fields.problem(report, "Resource", format!("must be {allowed}"));
    }
}
