//! Everything a document reads: the names in its expressions and templates.

use super::model::{
    Approve, Attach, Body, Document, ForEachList, Http, Retry, Setting, Stdin, Step, Surroundings, Target, Tree, Undo,
    Wait, Work, Writing,
};
use crate::expression::Read;
use crate::graph::roads_of;
use crate::source::Spanned;
use crate::template::Template;

type Visit<'v> = &'v mut dyn FnMut(&Read);

impl Document {
    /// The files that its steps write, to do or to undo something.
    #[must_use]
    pub fn writings(&self) -> Vec<&Writing> {
        let mut found = Vec::new();
        for step in &self.steps {
            let undo = match &step.undo {
                Some(Undo::Body(body)) => Some(&*body.value),
                Some(Undo::Step(_)) | None => None,
            };
            for body in std::iter::once(&step.body).chain(undo) {
                if let Work::Template(writing) = &body.work {
                    found.push(&**writing);
                }
            }
        }
        found
    }

    /// Visits every name that an expression or a template of the document reads, in no particular order.
    pub fn each_read(&self, visit: &mut dyn FnMut(&Read)) {
        if let Some(template) = &self.lock {
            of_template(&template.value, visit);
        }
        of_setting(self.timeout.as_ref(), visit);
        of_setting(self.defaults.timeout.as_ref(), visit);
        of_setting(self.defaults.grace.as_ref(), visit);
        of_surroundings(&self.defaults.surroundings, visit);
        if let Some(retry) = &self.defaults.retry {
            of_retry(retry, visit);
        }
        for output in &self.outputs {
            output.value.value.reads().iter().for_each(&mut *visit);
        }
        for step in &self.steps {
            step.each_read(visit);
        }
    }
}

impl Step {
    /// Visits every name that an expression or a template of the step reads.
    pub fn each_read(&self, visit: &mut dyn FnMut(&Read)) {
        of_template(&self.title.value, visit);
        of_body(&self.body, visit);
        if let Some(when) = &self.when {
            when.value.reads().iter().for_each(&mut *visit);
        }
        if let Some(retry) = &self.retry {
            of_retry(&retry.value, visit);
        }
        for case in &self.cases {
            case.when.value.reads().iter().for_each(&mut *visit);
        }
        for (_, target) in roads_of(self) {
            of_target(target, visit);
        }
        for attach in &self.attach {
            match attach {
                Attach::File { file, .. } => of_template(&file.value, visit),
                Attach::Run(line) => line.value.reads().for_each(&mut *visit),
            }
        }
        if let Some(for_each) = &self.for_each {
            match &for_each.value.over {
                ForEachList::Items(items) => items.iter().for_each(|item| of_tree(item, visit)),
                ForEachList::Expression(expression) => expression.value.reads().iter().for_each(&mut *visit),
            }
        }
        if let Some(Approve::People(approval)) = self.approve.as_ref().map(|approve| &approve.value) {
            if let Some(when) = &approval.when {
                when.value.reads().iter().for_each(&mut *visit);
            }
            of_setting(approval.within.as_ref(), visit);
        }
        if let Some(unless) = &self.unless {
            of_body(&unless.value, visit);
        }
        if let Some(Undo::Body(body)) = &self.undo {
            of_body(&body.value, visit);
        }
        if let Some(escalation) = &self.escalation {
            if let Some(message) = &escalation.message {
                of_template(&message.value, visit);
            }
            if let Some(ack) = &escalation.ack {
                of_setting(ack.value.within.as_ref(), visit);
            }
        }
    }
}

fn of_template(template: &Template, visit: Visit<'_>) {
    template.reads().iter().for_each(visit);
}

fn of_setting<T>(setting: Option<&Spanned<Setting<T>>>, visit: Visit<'_>) {
    if let Some(Setting::Rendered(template)) = setting.map(|setting| &setting.value) {
        of_template(template, visit);
    }
}

fn of_target(target: &Target, visit: Visit<'_>) {
    if let Some(because) = &target.because {
        of_template(&because.value, visit);
    }
}

fn of_retry(retry: &Retry, visit: Visit<'_>) {
    of_setting(retry.every.as_ref(), visit);
    of_setting(retry.within.as_ref(), visit);
    of_setting(retry.attempts.as_ref(), visit);
    of_setting(retry.max.as_ref(), visit);
    if let Some(condition) = &retry.condition {
        condition.value.reads().iter().for_each(&mut *visit);
    }
}

fn of_surroundings(surroundings: &Surroundings, visit: Visit<'_>) {
    surroundings.env.values().for_each(|value| of_template(&value.value, visit));
    for template in surroundings.dir.iter().chain(&surroundings.on) {
        of_template(&template.value, visit);
    }
    if let Some(Stdin::Text(template)) = surroundings.stdin.as_ref().map(|stdin| &stdin.value) {
        of_template(template, visit);
    }
}

fn of_tree(tree: &Tree, visit: Visit<'_>) {
    // Depth is bounded by the YAML scan.
    match tree {
        Tree::Scalar(_) => {}
        Tree::Text(template) => of_template(template, visit),
        Tree::List(items) => items.iter().for_each(|item| of_tree(item, visit)),
        Tree::Map(members) => members.values().for_each(|member| of_tree(member, visit)),
    }
}

fn of_http(http: &Http, visit: Visit<'_>) {
    of_template(&http.url.value, visit);
    http.headers.values().for_each(|header| of_template(&header.value, visit));
    if let Some(body) = &http.body {
        of_tree(&body.value, visit);
    }
}

fn of_body(body: &Body, visit: Visit<'_>) {
    match &body.work {
        Work::Run(line) => line.value.reads().for_each(&mut *visit),
        Work::Http(http) => of_http(http, visit),
        Work::Ask(asking) | Work::Instruct(asking) => {
            of_template(&asking.text.value, visit);
            of_setting(asking.within.as_ref(), visit);
            if let Some(link) = &asking.link {
                of_template(&link.value, visit);
            }
        }
        Work::Wait(wait) => {
            if let Wait::Rendered(template) = &wait.value {
                of_template(template, visit);
            }
        }
        Work::Template(writing) => {
            of_template(&writing.source.value, visit);
            of_template(&writing.to.value, visit);
        }
        Work::Runbook(call) => call.with.values().for_each(|value| of_tree(&value.value, visit)),
        Work::Script(_) | Work::None => {}
    }
    of_setting(body.timeout.as_ref(), visit);
    of_setting(body.grace.as_ref(), visit);
    for expression in body.expect.iter().chain(&body.unclear) {
        expression.value.reads().iter().for_each(&mut *visit);
    }
    for output in &body.outputs {
        output.value.value.reads().iter().for_each(&mut *visit);
    }
    of_surroundings(&body.surroundings, visit);
}
