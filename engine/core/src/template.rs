//! handlebars: compile, list what it reads, render strictly.
