// An orbiting view of segments, somata and contacts in plain WebGL 2. Dragging with the mouse or with two fingers and the arrow
// keys rotate; ctrl + wheel, pinching, + and - zoom; a plain wheel and one finger scroll the page.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("scene-data").textContent);
  const $ = (id) => document.getElementById(`scene-${id}`);
  const canvas = document.getElementById("scene");
  const [box, tip, labels, hint] = ["box", "tip", "labels", "hint"].map($);
  const [contactChoice, colourChoice, reach] = ["contact", "colour", "reach"].map($);
  $("all").hidden = false;
  const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
  if (!gl) {
    $("note").textContent = "This browser has no WebGL 2: the view cannot be shown.";
    box.hidden = $("controls").hidden = $("legend").hidden = true;
    return;
  }

  // ---------------------------------------------------------------------------------------------------------- the data
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const [ends, values, radii] = [data.ends, data.values, data.radii].map((text) => new Float32Array(bytes(text)));
  const [node, section, segment] = [data.node, data.section, data.segment].map((text) => new Uint32Array(bytes(text)));
  const categories = new Map(data.categories.map((c) => [c.title, { ...c, indices: new Uint16Array(bytes(c.indices)) }]));
  const count = data.count;
  const kinds = categories.get("section type");
  const isSoma = (i) => kinds.kinds[kinds.indices[i]].name === "soma";
  const middles = new Float32Array(3 * count);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < 3; k++) middles[3 * i + k] = (ends[6 * i + k] + ends[6 * i + 3 + k]) / 2;
  }
  const valueOf = (i) => values[contact * count + i];

  // ------------------------------------------------------------------------------------------------------- the colours
  const channels = (c) => [(c >> 16 & 255) / 255, (c >> 8 & 255) / 255, (c & 255) / 255];
  // the same colour as in the picture above: the stops of a map, and straight lines between them
  const weightColour = (palette, value) => {
    if (!Number.isFinite(value)) return channels(palette.missing);
    if (palette.scale === "inside") return channels(value > 0 ? palette.inside : palette.outside);
    const at = palette.scale === "log" ? Math.log(value / palette.low) / Math.log(palette.high / palette.low)
      : (value - palette.low) / (palette.high - palette.low);
    if (Number.isNaN(at)) return channels(palette.missing);
    const place = Math.min(1, Math.max(0, at)) * (palette.stops.length - 1);
    const first = Math.min(palette.stops.length - 2, Math.floor(place));
    const [a, b] = [channels(palette.stops[first]), channels(palette.stops[first + 1])];
    return a.map((v, k) => v + (b[k] - v) * (place - first));
  };
  // hues a golden angle apart, so that neurons with neighbouring ids differ
  const neuronColour = (id) => {
    const hue = (id * 137.508) % 360, light = 0.5 + 0.12 * (id % 3 - 1);
    const part = (n) => {
      const k = (n + hue / 30) % 12;
      return light - 0.65 * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    };
    return [part(0), part(8), part(4)];
  };
  const colourOf = (i) => {
    if (colourChoice.value === "weight") return weightColour(data.palettes[data.contacts[contact].palette], valueOf(i));
    if (colourChoice.value === "neuron") return neuronColour(data.nodes[node[i]]);
    const chosen = categories.get(colourChoice.value);
    return channels(chosen.kinds[chosen.indices[i]].colour);
  };

  // ------------------------------------------------------------------------------------------------------- the programs
  const compile = (vertex, fragment) => {
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, `#version 300 es\nprecision highp float;\n${source}`);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) console.error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    const uniform = (name) => gl.getUniformLocation(program, name);
    const attribute = (name) => gl.getAttribLocation(program, name);
    return { program, uniform, attribute };
  };
  // a segment is a strip on the screen with round ends, as wide as the segment, at least a line
  const tubes = compile(`
    in vec2 corner; in vec3 from; in vec3 to; in float radius; in vec3 tint;
    uniform mat4 view; uniform vec2 size; uniform vec3 center; uniform float reach, scale, least, near;
    out vec3 colour; out vec2 at; out float along, wide;
    void main() {
      gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
      if (distance(0.5 * (from + to), center) > reach) return;
      vec4 p = view * vec4(from - center, 1.0), q = view * vec4(to - center, 1.0);
      if (p.w < near && q.w < near) return;
      if (p.w < near) p = mix(p, q, (near - p.w) / (q.w - p.w));
      if (q.w < near) q = mix(q, p, (near - q.w) / (p.w - q.w));
      vec2 a = p.xy / p.w * 0.5 * size, b = q.xy / q.w * 0.5 * size, way = b - a;
      along = length(way);
      way = along > 1e-3 ? way / along : vec2(1.0, 0.0);
      vec4 end = corner.x < 0.5 ? p : q;
      wide = max(least, radius * scale / end.w);
      float grown = wide + 1.0;
      at = vec2(corner.x < 0.5 ? -grown : along + grown, corner.y * grown);
      vec2 place = a + way * at.x + vec2(-way.y, way.x) * at.y;
      gl_Position = vec4(place / (0.5 * size) * end.w, end.z, end.w);
      colour = tint;
    }`, `
    in vec3 colour; in vec2 at; in float along, wide; out vec4 shown;
    void main() {
      float apart = length(vec2(at.x - clamp(at.x, 0.0, along), at.y));
      float cover = clamp(wide - apart + 0.5, 0.0, 1.0);
      if (cover <= 0.0) discard;
      float round = sqrt(max(0.0, 1.0 - apart * apart / (wide * wide)));
      float shade = mix(1.0, 0.62 + 0.38 * round, clamp((wide - 1.5) / 3.0, 0.0, 1.0));
      shown = vec4(colour * shade, cover);
    }`);
  const marks = compile(`
    in vec3 place; uniform mat4 view; uniform vec3 center; uniform float points, grow;
    void main() { gl_Position = view * vec4(grow * place - center, 1.0); gl_PointSize = points; }`, `
    uniform vec3 tint, edge; uniform float points; out vec4 shown;
    void main() {
      float apart = points > 0.0 ? length(gl_PointCoord - 0.5) * 2.0 : 0.0;
      if (apart > 1.0) discard;
      shown = vec4(apart > 0.72 ? edge : tint, 1.0);
    }`);

  const buffer = (array) => {
    const made = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, made);
    gl.bufferData(gl.ARRAY_BUFFER, array, gl.STATIC_DRAW);
    return made;
  };
  const attribute = (of, name, values, width, each, stride = 0, offset = 0) => {
    const place = of.attribute(name);
    gl.bindBuffer(gl.ARRAY_BUFFER, values);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, width, gl.FLOAT, false, stride, offset);
    gl.vertexAttribDivisor(place, each);
  };
  // a soma is a ball at its middle
  const drawn = ends.slice();
  for (let i = 0; i < count; i++) {
    if (isSoma(i)) for (let k = 0; k < 6; k++) drawn[6 * i + k] = middles[3 * i + k % 3];
  }
  const tints = buffer(new Float32Array(3 * count));
  const segmentsArray = gl.createVertexArray();
  gl.bindVertexArray(segmentsArray);
  attribute(tubes, "corner", buffer(new Float32Array([0, -1, 1, -1, 0, 1, 1, 1])), 2, 0);
  const drawnEnds = buffer(drawn);
  attribute(tubes, "from", drawnEnds, 3, 1, 24, 0);
  attribute(tubes, "to", drawnEnds, 3, 1, 24, 12);
  attribute(tubes, "radius", buffer(radii), 1, 1);
  attribute(tubes, "tint", tints, 3, 1);
  const markArray = (places) => {
    const made = gl.createVertexArray();
    gl.bindVertexArray(made);
    attribute(marks, "place", buffer(new Float32Array(places)), 3, 0);
    return { array: made, count: places.length / 3 };
  };
  const contactMarks = markArray(data.contacts.flatMap((c) => c.center));
  const otherMarks = markArray(data.others.flatMap(([, p]) => p));
  // the edges of a box around the scene
  const corner = (i) => [i & 1 ? 1 : -1, i & 2 ? 1 : -1, i & 4 ? 1 : -1];
  const edges = [];
  for (let i = 0; i < 8; i++) for (const bit of [1, 2, 4]) if (!(i & bit)) edges.push(...corner(i), ...corner(i | bit));
  const frame = markArray(edges);
  gl.bindVertexArray(null);

  // --------------------------------------------------------------------------------------------------------- the state
  const first = { turn: 0.5, tilt: 0.25, away: 4.4 };
  const eye = { ...first };
  let contact = data.selected;
  let center = data.contacts[contact].center;
  const apart = new Float32Array(count);
  let farthest = 1;

  const choose = (next) => {
    contact = next;
    contactChoice.value = String(next);
    center = data.contacts[contact].center;
    farthest = 1;
    for (let i = 0; i < count; i++) {
      apart[i] = Math.hypot(middles[3 * i] - center[0], middles[3 * i + 1] - center[1], middles[3 * i + 2] - center[2]);
      farthest = Math.max(farthest, apart[i]);
    }
    // at first, the distance within which no segment is left out
    const most = data.radius === null ? farthest : Math.min(farthest, Math.sqrt(3) * data.radius);
    reach.min = 1;
    reach.max = Math.ceil(most);
    reach.step = "any";
    reach.value = data.contacts[contact].complete === null ? reach.max : Math.max(1, data.contacts[contact].complete);
    canvas.setAttribute("aria-label", `Rotatable view of the segments around contact ${data.contacts[contact].name}`);
    colour();
    document.dispatchEvent(new CustomEvent("leadfield-contact", { detail: data.contacts[contact].name }));
  };
  const colour = () => {
    const all = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) all.set(colourOf(i), 3 * i);
    gl.bindBuffer(gl.ARRAY_BUFFER, tints);
    gl.bufferData(gl.ARRAY_BUFFER, all, gl.STATIC_DRAW);
    const palette = colourChoice.value === "weight" ? data.contacts[contact].palette : -1;
    for (const legend of document.querySelectorAll("[data-palette]")) legend.hidden = Number(legend.dataset.palette) !== palette;
    const list = $("kinds"), chosen = categories.get(colourChoice.value);
    list.hidden = !chosen && colourChoice.value !== "neuron";
    list.replaceChildren(...(chosen ? chosen.kinds : []).map((kind) => {
      const item = document.createElement("li"), swatch = document.createElement("i");
      swatch.style.background = `rgb(${channels(kind.colour).map((v) => Math.round(255 * v)).join(" ")})`;
      item.append(swatch, kind.name);
      return item;
    }));
    if (colourChoice.value === "neuron") list.textContent = "one colour for each neuron";
    draw();
  };

  const shown = () => Number(reach.value);
  const extent = () => data.radius === null ? shown() : Math.min(shown(), data.radius);
  const focal = 1 / Math.tan(0.4);

  // column-major: perspective x translation x tilt about x x rotation about y
  const matrix = () => {
    const away = eye.away * extent(), near = away / 200, far = away + 4 * Math.max(extent(), shown());
    const [ct, st, ca, sa] = [Math.cos(eye.turn), Math.sin(eye.turn), Math.cos(eye.tilt), Math.sin(eye.tilt)];
    const r = [[ct, 0, st], [sa * st, ca, -sa * ct], [-ca * st, sa, ca * ct]];
    const p = [focal * canvas.height / canvas.width, focal, (far + near) / (near - far), 2 * far * near / (near - far)];
    const made = [];
    for (let c = 0; c < 3; c++) made.push(p[0] * r[0][c], p[1] * r[1][c], p[2] * r[2][c], -r[2][c]);
    made.push(0, 0, -p[2] * away + p[3], away);
    return made;
  };

  let m = [];
  // position of a point on the canvas, in CSS pixels, and its distance; null behind the eye
  const project = (x, y, z) => {
    [x, y, z] = [x - center[0], y - center[1], z - center[2]];
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    if (w <= 0) return null;
    const px = (m[0] * x + m[4] * y + m[8] * z + m[12]) / w, py = (m[1] * x + m[5] * y + m[9] * z + m[13]) / w;
    return [(px + 1) / 2 * canvas.clientWidth, (1 - py) / 2 * canvas.clientHeight, w];
  };

  // ---------------------------------------------------------------------------------------------------------- drawing
  const css = (name) => {
    const text = getComputedStyle(box).getPropertyValue(name).trim();
    return channels(parseInt(text.slice(1), 16));
  };
  const draw = () => {
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * dense));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * dense));
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(...css("--paper"), 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    m = matrix();
    const view = new Float32Array(m);

    gl.useProgram(marks.program);
    gl.uniformMatrix4fv(marks.uniform("view"), false, view);
    const mark = (things, mode, { from = center, grow = 1, points = 0, tint, edge = tint, start = 0, only = things.count }) => {
      gl.bindVertexArray(things.array);
      gl.uniform3fv(marks.uniform("center"), from);
      gl.uniform1f(marks.uniform("grow"), grow);
      gl.uniform1f(marks.uniform("points"), points * dense);
      gl.uniform3fv(marks.uniform("tint"), tint);
      gl.uniform3fv(marks.uniform("edge"), edge);
      gl.drawArrays(mode, start, only);
    };
    mark(frame, gl.LINES, { from: [0, 0, 0], grow: extent(), tint: css("--line") });

    gl.useProgram(tubes.program);
    gl.bindVertexArray(segmentsArray);
    gl.enable(gl.SAMPLE_ALPHA_TO_COVERAGE);
    gl.uniformMatrix4fv(tubes.uniform("view"), false, view);
    gl.uniform2f(tubes.uniform("size"), canvas.width, canvas.height);
    gl.uniform3fv(tubes.uniform("center"), center);
    gl.uniform1f(tubes.uniform("reach"), shown());
    gl.uniform1f(tubes.uniform("scale"), focal * canvas.height / 2);
    gl.uniform1f(tubes.uniform("least"), 0.7 * dense);
    gl.uniform1f(tubes.uniform("near"), eye.away * extent() / 200);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    gl.disable(gl.SAMPLE_ALPHA_TO_COVERAGE);

    // contacts are drawn over segments in front of them
    gl.disable(gl.DEPTH_TEST);
    gl.useProgram(marks.program);
    const [ink, paper] = [css("--ink"), css("--paper")];
    mark(otherMarks, gl.POINTS, { points: 5, tint: css("--line") });
    mark(contactMarks, gl.POINTS, { points: 9, tint: paper, edge: ink });
    mark(contactMarks, gl.POINTS, { points: 14, tint: channels(0xd55e00), edge: ink, start: contact, only: 1 });
    gl.bindVertexArray(null);
    write();
  };

  const round = (most) => {
    const power = 10 ** Math.floor(Math.log10(most));
    return [5, 2, 1].map((k) => k * power).find((length) => length <= most) || power;
  };
  const number = (v) => String(Math.round(v * 100) / 100).replace("-", "\u2212");
  // writes the axes along three edges of the box, the scale bar, and how many segments are shown
  const write = () => {
    const e = extent(), step = round(0.8 * e), used = [];
    const label = (text, at, kind) => {
      const seen = project(...at.map((v, k) => center[k] + v));
      if (!seen) return;
      const made = labels.children[used.length] || labels.appendChild(document.createElement("span"));
      made.className = kind;
      made.textContent = text;
      made.style.left = `${seen[0]}px`;
      made.style.top = `${seen[1]}px`;
      made.hidden = seen[0] < 8 || seen[1] < 8 || seen[0] > canvas.clientWidth - 8 || seen[1] > canvas.clientHeight - 8;
      used.push(made);
    };
    ["x", "y", "z"].forEach((axis, k) => {
      // the edge on which the labels stand: below in front for x and z, at the left for y
      const at = (v, out) => [[v, -out * e, e], [-out * e, v, e], [e, -out * e, v]][k];
      label(`${axis} (\u00b5m)`, at(k === 1 ? 1.12 * e : 0, k === 1 ? 1 : 1.24), "name");
      for (let v = Math.ceil((center[k] - e) / step) * step; v <= center[k] + e; v += step) {
        label(number(v), at(v - center[k], 1.1), "tick");
      }
    });
    while (labels.children.length > used.length) labels.lastChild.remove();
    // the length of a line at the depth of the contact
    const perUm = focal * canvas.clientHeight / 2 / (eye.away * e), length = round(Math.min(150, canvas.clientWidth / 4) / perUm);
    $("scale").firstChild.textContent = `${number(length)} \u00b5m`;
    $("scale").lastChild.style.width = `${length * perUm}px`;
    let within = 0;
    for (const d of apart) if (d <= shown()) within++;
    $("shown").textContent = `${Math.round(shown())} \u00b5m: ${within} segments`;
  };

  // ---------------------------------------------------------------------------------------------------------- pointing
  const end = (i, k) => project(drawn[6 * i + 3 * k], drawn[6 * i + 3 * k + 1], drawn[6 * i + 3 * k + 2]);
  // the segment nearest to a position on the canvas, the foremost of several; -1 if none is within 6 pixels
  const pick = (x, y) => {
    let best = -1, least = 6, front = Infinity;
    const scale = focal * canvas.clientHeight / 2;
    for (let i = 0; i < count; i++) {
      if (apart[i] > shown()) continue;
      const a = end(i, 0), b = end(i, 1);
      if (!a || !b) continue;
      const dx = b[0] - a[0], dy = b[1] - a[1], l = dx * dx + dy * dy;
      const t = l > 0 ? Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / l)) : 0;
      const w = a[2] + t * (b[2] - a[2]);
      const d = Math.max(0, Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy) - radii[i] * scale / w);
      if (d < least - 0.5 || (d < least + 0.5 && w < front && d < 6)) { best = i; least = d; front = w; }
    }
    return best;
  };
  const contactAt = (x, y) => {
    const hit = (p, size) => { const at = project(...p); return at && Math.hypot(at[0] - x, at[1] - y) <= size; };
    if (hit(center, 7)) return data.contacts[contact].name;
    const near = data.contacts.find((c) => hit(c.center, 5));
    return near ? near.name : (data.others.find(([, p]) => hit(p, 4)) || [])[0];
  };
  const describe = (x, y) => {
    const name = contactAt(x, y);
    if (name !== undefined) return `contact ${name}`;
    const i = pick(x, y);
    if (i < 0) return "";
    const value = Number.isNaN(valueOf(i)) ? "no weight" : `${valueOf(i).toExponential(3)} ${data.contacts[contact].unit}`.trim();
    const types = categories.get("mtype");
    const what = [kinds.kinds[kinds.indices[i]].name, types && types.names[node[i]]].filter(Boolean).join(", ");
    return `node ${data.nodes[node[i]]}, section ${section[i]}, segment ${segment[i]} (${what}): ${value}`;
  };
  const place = (event) => {
    const at = canvas.getBoundingClientRect();
    return [event.clientX - at.left, event.clientY - at.top];
  };
  const hover = (event) => {
    const [x, y] = place(event);
    tip.textContent = describe(x, y);
    tip.hidden = !tip.textContent;
    tip.style.left = `${Math.min(x + 12, Math.max(0, canvas.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.min(y + 14, canvas.clientHeight - tip.offsetHeight - 4)}px`;
  };

  // ------------------------------------------------------------------------------------------------------------ moving
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
  const reset = () => { Object.assign(eye, first); choose(contact); };

  // one mouse or pen, or two fingers; one finger scrolls the page (`touch-action`)
  const held = new Map();
  canvas.addEventListener("pointerdown", (e) => {
    held.set(e.pointerId, [e.clientX, e.clientY]);
    if (e.pointerType !== "touch") canvas.setPointerCapture(e.pointerId);
  });
  const release = (e) => held.delete(e.pointerId);
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, release);
  canvas.addEventListener("pointerleave", (e) => { tip.hidden = true; if (e.pointerType === "touch") release(e); });
  canvas.addEventListener("pointermove", (e) => {
    const before = held.get(e.pointerId);
    if (!before) return hover(e);
    const now = [e.clientX, e.clientY];
    const other = [...held].find(([id]) => id !== e.pointerId);
    if (e.pointerType === "touch" && !other) { held.set(e.pointerId, now); return; }
    if (other) {
      const length = (p) => Math.hypot(p[0] - other[1][0], p[1] - other[1][1]);
      eye.away = Math.min(30, Math.max(0.05, eye.away * length(before) / Math.max(1, length(now))));
    }
    held.set(e.pointerId, now);
    const each = other ? 0.004 : 0.008;
    turn((now[0] - before[0]) * each, (now[1] - before[1]) * each);
  });
  // two fingers on the view do not zoom the page
  canvas.addEventListener("touchmove", (e) => { if (e.touches.length > 1) e.preventDefault(); }, { passive: false });
  canvas.addEventListener("click", (e) => {
    const name = contactAt(...place(e)), next = data.contacts.findIndex((c) => c.name === name);
    if (next >= 0 && next !== contact) choose(next);
  });
  let hiding = 0;
  canvas.addEventListener("wheel", (e) => {
    if (e.ctrlKey || e.metaKey) {
      e.preventDefault();
      zoom(Math.exp(Math.min(1, Math.max(-1, e.deltaY * 0.002))));
      return;
    }
    hint.textContent = "ctrl + wheel zooms";
    hint.hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => { hint.hidden = true; }, 900);
  }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    const does = {
      ArrowLeft: () => turn(-0.1, 0), ArrowRight: () => turn(0.1, 0), ArrowUp: () => turn(0, -0.1), ArrowDown: () => turn(0, 0.1),
      "+": () => zoom(0.9), "=": () => zoom(0.9), "-": () => zoom(1 / 0.9), Home: reset,
    }[e.key];
    if (!does || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    does();
  });
  $("reset").addEventListener("click", reset);
  $("in").addEventListener("click", () => zoom(0.8));
  $("out").addEventListener("click", () => zoom(1.25));
  contactChoice.addEventListener("change", () => choose(Number(contactChoice.value)));
  colourChoice.addEventListener("change", colour);
  reach.addEventListener("input", draw);
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  contactChoice.value = String(contact);
  colourChoice.value = "weight";
  choose(contact);

  // for the table of contacts, and for scripts that point at a segment from outside, such as the tests
  window.leadfieldScene = {
    count,
    names: data.contacts.map((c) => c.name),
    choose,
    pick,
    ends: (i) => Array.from(ends.slice(6 * i, 6 * i + 6)),
    colour: (i) => colourOf(i).map((v) => Math.round(255 * v)),
    // position of a segment's midpoint on the canvas; of the contact for -1
    middle: (i) => i < 0 ? project(...center) : project(...middles.slice(3 * i, 3 * i + 3)),
  };
})();
