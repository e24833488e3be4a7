//! Outputs that a person types where they stand in for a step: those that later steps read.

use std::collections::BTreeMap;

use super::record::Part;
use super::state::RunState;
use crate::document::model::{ParamKind, Work};
use crate::expression::{Type, of_known_name};
use crate::graph::StepIndex;
use crate::params;
use crate::value::Value;

impl RunState {
    /// Names of a step's outputs that other steps read.
    pub(crate) fn outputs_read_later(&self, step: StepIndex) -> Vec<String> {
        self.outputs_read(step).into_iter().map(|(name, _)| name).collect()
    }

    /// The outputs that later steps read, as a person typed them in place of the step's own. One that is not typed must
    /// have been seen, or be read only by what asks first whether it is there.
    ///
    /// # Errors
    /// A sentence that names the output, when one is missing, is read by nobody, or is not of its type.
    pub(crate) fn outputs_typed(
        &self,
        step: StepIndex,
        seen: Option<&BTreeMap<String, Value>>,
        typed: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Value>, String> {
        let read = self.outputs_read(step);
        if let Some(unknown) = typed.keys().find(|name| !read.iter().any(|(known, _)| known == *name)) {
            return Err(if read.is_empty() {
                format!("no later step reads an output {unknown}, nor any other of it")
            } else {
                let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
                format!("no later step reads an output {unknown}; they read {}", names.join(", "))
            });
        }
        let mut outputs = BTreeMap::new();
        for (name, is_needed) in read {
            if let Some(text) = typed.get(&name) {
                let value = self.read_output(step, &name, text).map_err(|why| format!("its output {name} {why}"))?;
                outputs.insert(name, value);
            } else if is_needed && !seen.is_some_and(|seen| seen.contains_key(&name)) {
                return Err(format!("later steps read its output {name}: give it too, with --output {name}=…"));
            }
        }
        Ok(outputs)
    }

    /// Names of a step's outputs that other steps read, each with whether one of them reads it unasked.
    fn outputs_read(&self, step: StepIndex) -> Vec<(String, bool)> {
        let id = self.plan.step(step).id.value.as_str();
        let mut names: Vec<(String, bool)> = Vec::new();
        self.plan.document().each_read(&mut |read| {
            if let [root, of, outputs, name, ..] = read.path.as_slice()
                && root == "steps"
                && of == id
                && outputs == "outputs"
            {
                match names.iter_mut().find(|(known, _)| known == name) {
                    Some((_, is_needed)) => *is_needed |= !read.guarded,
                    None => names.push((name.clone(), !read.guarded)),
                }
            }
        });
        names
    }

    /// Text as a value of the type that the output would have had: what reads it does not take text for a number.
    fn read_output(&self, step: StepIndex, name: &str, text: &str) -> Result<Value, String> {
        let body = &self.plan.step(step).body;
        if let Work::Ask(asking) | Work::Instruct(asking) = &body.work
            && let Some(field) = asking.collect.get(name)
        {
            return params::read(field, text);
        }
        let written = body.outputs.iter().find(|output| output.name.value.as_str() == name);
        let of_called = || self.plan.child(step, Part::Main)?.output_type(name);
        let kind = match written.map_or_else(of_called, |output| output.value.value.result_type(&of_known_name)) {
            Some(Type::Bool) => ParamKind::Boolean,
            Some(Type::Integer) => ParamKind::Integer,
            Some(Type::Number) => ParamKind::Number,
            Some(Type::Duration) => ParamKind::Duration,
            Some(Type::Timestamp) => ParamKind::Timestamp,
            Some(Type::List) => ParamKind::List(Box::new(ParamKind::String)),
            Some(Type::Text | Type::Map) | None => ParamKind::String,
        };
        params::read_kind(&kind, text)
    }
}
