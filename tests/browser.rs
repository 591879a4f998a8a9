//! Opens pages in headless Chromium, controlled through its DevTools pipe, with window sizes, colour schemes, wheel and
//! touch events.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::scratch;

/// A browser with one page.
pub struct Browser {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: String,
    calls: u64,
    /// The errors that the page reported.
    pub faults: Vec<String>,
    _folder: TempDir,
}

/// Size of the window, and light or dark.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub width: u32,
    pub height: u32,
    pub scheme: &'static str,
}

impl Browser {
    /// Opens a page and waits until it is loaded.
    pub fn open(page: &str, screen: Screen) -> Self {
        let folder = scratch();
        let file = folder.path().join("page.html");
        std::fs::write(&file, page).unwrap();
        let profile = folder.path().join("profile");
        // the pipe's ends are the descriptors 3 and 4
        let command = format!(
            "exec timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
             --disable-background-networking --disable-component-update --disable-sync --use-gl=angle \
             --use-angle=swiftshader --enable-unsafe-swiftshader --user-data-dir={} --remote-debugging-pipe \
             3<&0 4>&1 >/dev/null 2>&1",
            profile.display()
        );
        let mut child =
            Command::new("bash").args(["-c", &command]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser =
            Self { child, input, output, session: String::new(), calls: 0, faults: Vec::new(), _folder: folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().into();
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.call(domain, json!({}));
        }
        let Screen { width, height, scheme } = screen;
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        browser.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        browser.call("Page.navigate", json!({ "url": format!("file://{}", file.display()) }));
        browser.evaluate(
            "new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))",
        );
        browser
    }

    /// Calls a method of the protocol and returns its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.input.write_all(message.to_string().as_bytes()).unwrap();
        self.input.write_all(&[0]).unwrap();
        loop {
            let mut answer = Vec::new();
            self.output.read_until(0, &mut answer).unwrap();
            assert!(answer.pop() == Some(0), "the browser ended during {method}");
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.note_fault(&answer);
        }
    }

    fn note_fault(&mut self, event: &Value) {
        let params = &event["params"];
        let is_fault = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => ["error", "assert"].contains(&params["type"].as_str().unwrap_or_default()),
            "Log.entryAdded" => params["entry"]["level"] == "error",
            _ => false,
        };
        if is_fault {
            self.faults.push(params.to_string());
        }
    }

    /// Evaluates an expression in the page, waits for its promise, and returns the value.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// Evaluates an expression that is a number.
    pub fn number(&mut self, expression: &str) -> f64 {
        self.evaluate(expression).as_f64().unwrap_or(f64::NAN)
    }

    /// Turns the wheel at a position; `modifiers` is 2 for the control key. Waits until scrolling has ended.
    pub fn wheel(&mut self, [x, y]: [f64; 2], down: f64, modifiers: u32) {
        let event =
            json!({ "type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": down, "modifiers": modifiers });
        self.call("Input.dispatchMouseEvent", event);
        self.wait_ms(500);
    }

    /// Sends touch events: fingers at some positions that move to others.
    pub fn move_fingers(&mut self, fingers: &[[[f64; 2]; 2]]) {
        let points = |share: f64| {
            let at = |(id, [from, to]): (usize, &[[f64; 2]; 2])| {
                let [x, y] = [0, 1].map(|k| from[k] + (to[k] - from[k]) * share);
                json!({ "x": x, "y": y, "id": id })
            };
            fingers.iter().enumerate().map(at).collect::<Vec<_>>()
        };
        let mut touch = |kind: &str, points: Vec<Value>| {
            self.call("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points }));
        };
        touch("touchStart", points(0.0));
        (1..=10).for_each(|step| touch("touchMove", points(f64::from(step) / 10.0)));
        touch("touchEnd", Vec::new());
        self.wait_ms(500);
    }

    fn wait_ms(&mut self, ms: u32) {
        self.evaluate(&format!("new Promise((done) => setTimeout(done, {ms}))"));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session.clear();
        self.calls += 1;
        let message = json!({ "id": self.calls, "method": "Browser.close" }).to_string();
        // the browser may have ended already
        let _ = self.input.write_all(message.as_bytes()).and_then(|()| self.input.write_all(&[0]));
        let _ = self.child.wait();
    }
}
