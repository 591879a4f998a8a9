// An orbiting view of segments and contacts in plain WebGL: drag or arrow keys rotate, wheel or + and - zoom, hovering shows
// the name of a segment or a contact.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("scene-data").textContent);
  const canvas = document.getElementById("scene");
  const tip = document.getElementById("scene-tip");
  const reach = document.getElementById("scene-reach");
  document.getElementById("scene-all").hidden = false;
  const gl = canvas.getContext("webgl", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) {
    document.getElementById("scene-note").textContent = "This browser has no WebGL: the view cannot be shown.";
    return;
  }

  const shader = (type, source) => {
    const made = gl.createShader(type);
    gl.shaderSource(made, source);
    gl.compileShader(made);
    return made;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, `
    attribute vec3 place; attribute vec3 colour; attribute float apart;
    uniform mat4 view; uniform float size; uniform float grow; varying vec3 tint; varying float far;
    void main() { gl_Position = view * vec4(grow * place, 1.0); gl_PointSize = size; tint = colour; far = apart; }`));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, `
    precision mediump float; varying vec3 tint; varying float far; uniform float round; uniform float most;
    void main() {
      if (far > most || (round > 0.5 && length(gl_PointCoord - 0.5) > 0.5)) discard;
      gl_FragColor = vec4(tint, 1.0);
    }`));
  gl.linkProgram(program);
  gl.useProgram(program);
  const at = (name) => gl.getAttribLocation(program, name);
  const uniform = (name) => gl.getUniformLocation(program, name);
  const [place, colour, apart] = [at("place"), at("colour"), at("apart")];
  const [view, size, round, most, grow] = ["view", "size", "round", "most", "grow"].map(uniform);

  const channels = (c) => [(c >> 16 & 255) / 255, (c >> 8 & 255) / 255, (c & 255) / 255];
  const buffer = (values) => {
    const made = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, made);
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.STATIC_DRAW);
    return made;
  };
  const center = data.center;
  const ends = data.ends.map((v, i) => v - center[i % 3]);
  const count = data.node.length;
  const tints = [];
  for (let i = 0; i < count; i++) { const c = channels(data.colour[i]); tints.push(...c, ...c); }
  const zeros = (n) => buffer(new Array(n).fill(0));
  const far = [];
  for (const d of data.apart) far.push(d, d);
  const lines = { place: buffer(ends), colour: buffer(tints), apart: buffer(far), mode: gl.LINES, count: 2 * count, size: 1, round: 0 };
  const marks = data.contacts.map((c, i) => c - center[i % 3]);
  const contacts = {
    place: buffer(marks), mode: gl.POINTS, count: marks.length / 3, size: 7, round: 1,
    colour: buffer(data.contacts.map(() => 0.15)), apart: zeros(marks.length / 3),
  };
  const chosen = {
    place: buffer([0, 0, 0]), colour: buffer(channels(0xd55e00)), apart: zeros(1), mode: gl.POINTS, count: 1, size: 13, round: 1,
  };
  // the edges of a box around the scene, and a letter at the end of three edges
  const corner = (i) => [i & 1 ? 1 : -1, i & 2 ? 1 : -1, i & 4 ? 1 : -1];
  const edges = [];
  for (let i = 0; i < 8; i++) for (const bit of [1, 2, 4]) if (!(i & bit)) edges.push(...corner(i), ...corner(i | bit));
  const box = {
    place: buffer(edges), colour: buffer(edges.map(() => 0.75)), apart: zeros(24), mode: gl.LINES, count: 24, size: 1, round: 0,
  };
  const letters = ["x", "y", "z"].map((letter, k) => {
    const made = document.createElement("span");
    made.className = "scene-axis";
    made.textContent = letter;
    canvas.parentNode.insertBefore(made, tip);
    return [made, corner(1 << k).map((v, j) => v * (j === k ? 1.08 : 1))];
  });

  // segments are shown up to this distance from the contact; initially the distance within which none is left out
  const farthest = data.apart.reduce((a, b) => Math.max(a, b), 1);
  reach.min = 1; reach.max = Math.ceil(farthest); reach.step = "any";
  reach.value = data.complete === null ? reach.max : data.complete;
  const shown = () => Number(reach.value);
  const extent = () => Math.min(shown(), data.radius);

  // distance of the eye, as a multiple of half the box's side
  const first = { turn: 0.5, tilt: 0.25, away: 4.6 };
  const eye = { ...first };

  // column-major: perspective x translation x tilt about x x rotation about y
  const matrix = () => {
    const away = eye.away * extent(), f = 1.0 / Math.tan(0.4), near = away / 100, far = away + 4 * data.radius;
    const [ct, st, ca, sa] = [Math.cos(eye.turn), Math.sin(eye.turn), Math.cos(eye.tilt), Math.sin(eye.tilt)];
    const r = [[ct, 0, st], [sa * st, ca, -sa * ct], [-ca * st, sa, ca * ct]];
    const p = [f * canvas.height / canvas.width, f, (far + near) / (near - far), 2 * far * near / (near - far)];
    const m = [];
    for (let c = 0; c < 3; c++) m.push(p[0] * r[0][c], p[1] * r[1][c], p[2] * r[2][c], -r[2][c]);
    m.push(0, 0, -p[2] * away + p[3], away);
    return m;
  };

  let m = matrix();
  const draw = () => {
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * dense);
    canvas.height = Math.round(canvas.clientHeight * dense);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(1, 1, 1, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    m = matrix();
    gl.uniformMatrix4fv(view, false, new Float32Array(m));
    gl.uniform1f(most, shown());
    for (const things of [box, lines, contacts, chosen]) {
      // contacts are drawn over segments in front of them
      if (things === contacts) gl.disable(gl.DEPTH_TEST);
      for (const [where, values, each] of [[place, things.place, 3], [colour, things.colour, 3], [apart, things.apart, 1]]) {
        gl.bindBuffer(gl.ARRAY_BUFFER, values);
        gl.enableVertexAttribArray(where);
        gl.vertexAttribPointer(where, each, gl.FLOAT, false, 0, 0);
      }
      gl.uniform1f(size, things.size * dense);
      gl.uniform1f(round, things.round);
      gl.uniform1f(grow, things === box ? extent() : 1);
      gl.drawArrays(things.mode, 0, things.count);
    }
    for (const [letter, at] of letters) {
      const seen = project(...at.map((v) => v * extent()));
      letter.hidden = !seen;
      if (seen) { letter.style.left = `${seen[0]}px`; letter.style.top = `${seen[1]}px`; }
    }
    let within = 0;
    for (const d of data.apart) if (d <= shown()) within++;
    document.getElementById("scene-told").textContent = `${Math.round(shown())} um from the contact: ${within} of ${count}`;
  };

  // position of a point on the canvas, in CSS pixels, and its distance; null behind the eye
  const project = (x, y, z) => {
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) return null;
    const px = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w, py = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
    return [(px + 1) / 2 * canvas.clientWidth, (1 - py) / 2 * canvas.clientHeight, w];
  };
  const end = (i) => project(ends[3 * i], ends[3 * i + 1], ends[3 * i + 2]);

  // the segment nearest to a position on the canvas, the foremost of several; -1 if none is within 6 pixels
  const pick = (x, y) => {
    let best = -1, least = 6, front = Infinity;
    for (let i = 0; i < count; i++) {
      if (data.apart[i] > shown()) continue;
      const a = end(2 * i), b = end(2 * i + 1);
      if (!a || !b) continue;
      const dx = b[0] - a[0], dy = b[1] - a[1], l = dx * dx + dy * dy;
      const t = l > 0 ? Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / l)) : 0;
      const d = Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy), w = a[2] + t * (b[2] - a[2]);
      if (d < least - 0.5 || (d < least + 0.5 && w < front && d < 6)) { best = i; least = d; front = w; }
    }
    return best;
  };

  // the name of the contact at a position on the canvas
  const contactAt = (x, y) => {
    const hit = (p, size) => p && Math.hypot(p[0] - x, p[1] - y) <= size;
    if (hit(project(0, 0, 0), 7)) return data.name;
    return data.names.find((_, i) => hit(project(marks[3 * i], marks[3 * i + 1], marks[3 * i + 2]), 4));
  };

  const describe = (x, y) => {
    const contact = contactAt(x, y);
    if (contact !== undefined) return `contact ${contact}`;
    const i = pick(x, y);
    if (i < 0) return "";
    const value = data.value[i] === null ? "no weight" : `${data.value[i].toExponential(3)} ${data.unit}`.trim();
    return `node ${data.node[i]}, section ${data.section[i]}, segment ${data.segment[i]}: ${value}`;
  };

  const hover = (event) => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    tip.textContent = describe(x, y);
    tip.hidden = !tip.textContent;
    tip.style.left = `${Math.min(x + 12, Math.max(0, canvas.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 14}px`;
  };

  const turn = (right, down) => {
    eye.turn += right;
    eye.tilt = Math.min(1.55, Math.max(-1.55, eye.tilt + down));
    tip.hidden = true;
    draw();
  };
  const zoom = (by) => {
    eye.away = Math.min(30, Math.max(0.05, eye.away * by));
    tip.hidden = true;
    draw();
  };

  let held = null;
  canvas.addEventListener("pointerdown", (e) => { held = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", () => { held = null; });
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointermove", (e) => {
    if (!held) return hover(e);
    turn((e.clientX - held[0]) * 0.008, (e.clientY - held[1]) * 0.008);
    held = [e.clientX, e.clientY];
  });
  canvas.addEventListener("wheel", (e) => { e.preventDefault(); zoom(Math.exp(e.deltaY * 0.001)); }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    const does = {
      ArrowLeft: () => turn(-0.1, 0), ArrowRight: () => turn(0.1, 0), ArrowUp: () => turn(0, -0.1), ArrowDown: () => turn(0, 0.1),
      "+": () => zoom(0.9), "=": () => zoom(0.9), "-": () => zoom(1 / 0.9), Home: () => { Object.assign(eye, first); draw(); },
    }[e.key];
    if (!does || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    does();
  });
  reach.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  draw();

  // for scripts that point at a segment from outside, such as the tests
  window.leadfieldScene = {
    count,
    // position of a segment's midpoint on the canvas; of the contact for -1
    middle: (i) => {
      if (i < 0) return project(0, 0, 0);
      const k = 6 * i, half = (j) => (ends[k + j] + ends[k + 3 + j]) / 2;
      return project(half(0), half(1), half(2));
    },
    pick,
  };
})();
