// Things that are points, many of them moving: one buffer, one draw call. A move writes five numbers; the way from the old
// place to the new one is the graphics processor's work, so a frame costs the page's thread next to nothing.
import {MercatorCoordinate, type CustomLayerInterface, type CustomRenderMethodInput, type Map as MapLibre} from './maplibre';

import type {Batch} from '../data/messages';
import {palettes, quiet, type Look} from './look';

const floats = 5; // old x, y, new x, y, start
const glideSeconds = 0.9;
const mostTypes = 128; // styles in the shader
const hidden = -1;

const vertexShader = `#version 300 es
uniform mat4 u_matrix;
uniform float u_now, u_glide, u_size;
uniform vec4 u_styles[${mostTypes}]; // red, green, blue, shape; no shape: not shown
uniform int u_lit;
in vec4 a_places;
in float a_start, a_type;
flat out vec4 v_style;
flat out float v_lit;
void main() {
  v_style = a_type < 0.0 ? vec4(-1.0) : u_styles[int(a_type)];
  v_lit = gl_VertexID == u_lit ? 1.0 : 0.0;
  if (v_style.w < 0.0) {
    gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
    gl_PointSize = 0.0;
    return;
  }
  float share = clamp((u_now - a_start) / u_glide, 0.0, 1.0);
  gl_Position = u_matrix * vec4(mix(a_places.xy, a_places.zw, share), 0.0, 1.0);
  gl_PointSize = u_size * (1.0 + 0.7 * v_lit);
}`;

const fragmentShader = `#version 300 es
precision mediump float;
uniform vec3 u_rim;
flat in vec4 v_style;
flat in float v_lit;
out vec4 colour;
float outside(vec2 p, float shape) {
  vec2 q = abs(p);
  if (shape < 0.5) return length(p) - 0.72;
  if (shape < 1.5) return max(q.x, q.y) - 0.62;
  if (shape < 2.5) return (q.x + q.y) * 0.7071 - 0.6;
  if (shape < 3.5) return max(q.x * 0.866 + p.y * -0.5, p.y) - 0.45;
  return max(q.x * 0.5 + q.y * 0.866, q.x) - 0.66;
}
void main() {
  vec2 p = (gl_PointCoord - 0.5) * 2.0;
  if (v_style.w > 2.5 && v_style.w < 3.5) p.y -= 0.12;
  float d = outside(p, v_style.w);
  float soft = fwidth(p.x) * 1.1;
  float body = 1.0 - smoothstep(-soft, soft, d);
  float rim = 1.0 - smoothstep(-soft, soft, d - 0.2);
  if (rim <= 0.0) discard;
  vec3 shade = mix(u_rim, v_style.rgb, body);
  colour = vec4(shade, 1.0) * rim * 0.96;
}`;

export class Points implements CustomLayerInterface {
  readonly id = 'points';
  readonly type = 'custom';
  private map: MapLibre | null = null;
  private gl: WebGL2RenderingContext | null = null;
  private program: WebGLProgram | null = null;
  private vertices: WebGLVertexArrayObject | null = null;
  private motionBuffer: WebGLBuffer | null = null;
  private typeBuffer: WebGLBuffer | null = null;
  private uniforms: Record<string, WebGLUniformLocation | null> = {};

  private motion = new Float32Array(1024 * floats);
  private typeOf = new Float32Array(1024).fill(hidden);
  private ids: string[] = [];
  private names: string[] = [];
  private count = 0;
  private dirtyFrom = Infinity;
  private dirtyTo = 0;
  private whole = true; // buffers are to be made anew

  private types: string[] = [];
  private typeIndex = new Map<string, number>();
  private styles = new Float32Array(mostTypes * 4).fill(hidden);
  private rim = [1, 1, 1];
  // Places are kept relative to an anchor: a float's 24 bits are then millimetres in a city.
  private anchor: {x: number; y: number} | null = null;
  private movingUntil = 0;
  private lit = -1;
  private readonly begun = performance.now();
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private bounds: [number, number, number, number] | null = null;

  private now(): number {
    return (performance.now() - this.begun) / 1000;
  }

  // ---- what there is ----

  apply(batch: Batch, glide: boolean): void {
    const now = this.now();
    for (const slot of batch.removed) this.hide(slot);
    for (const thing of batch.added) {
      this.reserve(thing.slot);
      this.ids[thing.slot] = thing.id;
      this.names[thing.slot] = thing.name;
      this.typeOf[thing.slot] = this.indexOf(thing.type);
      this.place(thing.slot, thing.lon, thing.lat, now, false);
      if (Number.isFinite(thing.lon)) this.widen(thing.lon, thing.lat);
    }
    const gliding = glide && !this.still.matches;
    for (let i = 0; i < batch.moved.length; ++i) this.place(batch.moved[i]!, batch.places[2 * i]!, batch.places[2 * i + 1]!, now, gliding);
    if (gliding && batch.moved.length) this.movingUntil = now + glideSeconds;
    this.map?.triggerRepaint();
  }

  private place(slot: number, lon: number, lat: number, now: number, gliding: boolean): void {
    if (slot >= this.count) return;
    const at = slot * floats;
    const {x, y} = mercator(lon, lat);
    this.anchor ??= {x, y};
    const nextX = x - this.anchor.x, nextY = y - this.anchor.y;
    if (gliding) {
      const share = Math.min(1, (now - this.motion[at + 4]!) / glideSeconds);
      this.motion[at]! += (this.motion[at + 2]! - this.motion[at]!) * share;
      this.motion[at + 1]! += (this.motion[at + 3]! - this.motion[at + 1]!) * share;
      if (Number.isNaN(this.motion[at]!)) (this.motion[at] = nextX), (this.motion[at + 1] = nextY);
    } else {
      this.motion[at] = nextX;
      this.motion[at + 1] = nextY;
    }
    this.motion[at + 2] = nextX;
    this.motion[at + 3] = nextY;
    this.motion[at + 4] = gliding ? now : -10;
    this.touch(slot);
  }

  private hide(slot: number): void {
    if (slot >= this.count) return;
    this.typeOf[slot] = hidden;
    this.touch(slot);
  }

  private touch(slot: number): void {
    this.dirtyFrom = Math.min(this.dirtyFrom, slot);
    this.dirtyTo = Math.max(this.dirtyTo, slot + 1);
  }

  private reserve(slot: number): void {
    this.count = Math.max(this.count, slot + 1);
    if (slot < this.typeOf.length) return;
    const size = Math.max(slot + 1, this.typeOf.length * 2);
    const motion = new Float32Array(size * floats);
    motion.set(this.motion);
    const typeOf = new Float32Array(size).fill(hidden);
    typeOf.set(this.typeOf);
    this.motion = motion;
    this.typeOf = typeOf;
    this.whole = true;
  }

  private widen(lon: number, lat: number): void {
    const b = this.bounds;
    this.bounds = b ? [Math.min(b[0], lon), Math.min(b[1], lat), Math.max(b[2], lon), Math.max(b[3], lat)] : [lon, lat, lon, lat];
  }

  forgetExtent(): void {
    this.bounds = null;
  }

  /** West, south, east, north of what came. */
  extent(): [number, number, number, number] | null {
    return this.bounds;
  }

  // ---- how it looks ----

  private indexOf(type: string): number {
    let index = this.typeIndex.get(type);
    if (index === undefined) {
      index = Math.min(this.types.length, mostTypes - 1);
      this.types[index] = type;
      this.typeIndex.set(type, index);
      this.style();
    }
    return index;
  }

  private look: {looks: Map<string, Look>; shown: (type: string) => boolean; dark: boolean} | null = null;
  setLook(looks: Map<string, Look>, shown: (type: string) => boolean, dark: boolean): void {
    this.look = {looks, shown, dark};
    this.style();
    this.map?.triggerRepaint();
  }

  private style(): void {
    if (!this.look) return;
    const {looks, shown, dark} = this.look;
    const palette = dark ? palettes.dark : palettes.light;
    this.rim = dark ? [0.06, 0.09, 0.085] : [1, 1, 1];
    this.types.forEach((type, i) => {
      const look = looks.get(type) ?? {colour: quiet, shape: 0};
      this.styles.set([...rgb(palette[look.colour]!), shown(type) ? look.shape : hidden], i * 4);
    });
  }

  // ---- what is under the pointer ----

  /** The nearest shown point within so many pixels. */
  at(x: number, y: number, within: number): number {
    if (!this.map || !this.anchor) return -1;
    const corner = (dx: number, dy: number) => {
      const place = this.map!.unproject([x + dx, y + dy]);
      return mercator(place.lng, place.lat);
    };
    const middle = corner(0, 0), right = corner(within, 0);
    const reach = Math.hypot(right.x - middle.x, right.y - middle.y);
    const cx = middle.x - this.anchor.x, cy = middle.y - this.anchor.y;
    let best = -1, least = reach * reach;
    for (let slot = 0; slot < this.count; ++slot) {
      const type = this.typeOf[slot]!;
      if (type < 0 || this.styles[type * 4 + 3]! < 0) continue;
      const dx = this.motion[slot * floats + 2]! - cx, dy = this.motion[slot * floats + 3]! - cy;
      const distance = dx * dx + dy * dy;
      if (distance < least) (least = distance), (best = slot);
    }
    return best;
  }

  thing(slot: number): {id: string; name: string; type: string; lngLat: [number, number]} | null {
    const id = this.ids[slot];
    if (id === undefined || !this.anchor) return null;
    const at = new MercatorCoordinate(this.motion[slot * floats + 2]! + this.anchor.x, this.motion[slot * floats + 3]! + this.anchor.y).toLngLat();
    return {id, name: this.names[slot]!, type: this.types[this.typeOf[slot]!] ?? '', lngLat: [at.lng, at.lat]};
  }

  /** Of a thing by its id, where it is a point. */
  find(id: string): number {
    return this.ids.findIndex((one, slot) => one === id && this.typeOf[slot]! >= 0);
  }

  light(slot: number): void {
    if (slot === this.lit) return;
    this.lit = slot;
    this.map?.triggerRepaint();
  }

  /** Shown points within the view, at most so many: their names can be written. */
  inView(most: number): {name: string; type: string; lon: number; lat: number}[] {
    const found: {name: string; type: string; lon: number; lat: number}[] = [];
    if (!this.map || !this.anchor) return found;
    const view = this.map.getBounds();
    const nw = mercator(view.getWest(), view.getNorth()), se = mercator(view.getEast(), view.getSouth());
    for (let slot = 0; slot < this.count; ++slot) {
      const type = this.typeOf[slot]!;
      if (type < 0 || this.styles[type * 4 + 3]! < 0) continue;
      const x = this.motion[slot * floats + 2]! + this.anchor.x, y = this.motion[slot * floats + 3]! + this.anchor.y;
      if (!(x >= nw.x && x <= se.x && y >= nw.y && y <= se.y)) continue;
      if (found.length === most) return [];
      const at = new MercatorCoordinate(x, y).toLngLat();
      found.push({name: this.names[slot]!, type: this.types[type]!, lon: at.lng, lat: at.lat});
    }
    return found;
  }

  // ---- drawing ----

  onAdd(map: MapLibre, gl: WebGL2RenderingContext | WebGLRenderingContext): void {
    this.map = map;
    this.gl = gl as WebGL2RenderingContext;
    const program = link(this.gl);
    this.program = program;
    for (const name of ['u_matrix', 'u_now', 'u_glide', 'u_size', 'u_styles', 'u_lit', 'u_rim']) this.uniforms[name] = this.gl.getUniformLocation(program, name);
    this.motionBuffer = this.gl.createBuffer();
    this.typeBuffer = this.gl.createBuffer();
    this.vertices = this.gl.createVertexArray();
    this.gl.bindVertexArray(this.vertices);
    const bind = (name: string, size: number, stride: number, offset: number) => {
      const place = this.gl!.getAttribLocation(program, name);
      this.gl!.enableVertexAttribArray(place);
      this.gl!.vertexAttribPointer(place, size, this.gl!.FLOAT, false, stride * 4, offset * 4);
    };
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.motionBuffer);
    bind('a_places', 4, floats, 0);
    bind('a_start', 1, floats, 4);
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.typeBuffer);
    bind('a_type', 1, 1, 0);
    this.gl.bindVertexArray(null);
    this.whole = true;
  }

  onRemove(): void {
    this.gl?.deleteBuffer(this.motionBuffer);
    this.gl?.deleteBuffer(this.typeBuffer);
    this.gl?.deleteVertexArray(this.vertices);
    this.gl?.deleteProgram(this.program);
    this.map = null;
  }

  private upload(gl: WebGL2RenderingContext): void {
    const from = this.dirtyFrom, to = this.dirtyTo;
    if (!this.whole && from >= to) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.motionBuffer);
    if (this.whole) gl.bufferData(gl.ARRAY_BUFFER, this.motion, gl.DYNAMIC_DRAW);
    else gl.bufferSubData(gl.ARRAY_BUFFER, from * floats * 4, this.motion, from * floats, (to - from) * floats);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.typeBuffer);
    if (this.whole) gl.bufferData(gl.ARRAY_BUFFER, this.typeOf, gl.DYNAMIC_DRAW);
    else gl.bufferSubData(gl.ARRAY_BUFFER, from * 4, this.typeOf, from, to - from);
    this.whole = false;
    this.dirtyFrom = Infinity;
    this.dirtyTo = 0;
  }

  render(context: WebGL2RenderingContext | WebGLRenderingContext, {defaultProjectionData}: CustomRenderMethodInput): void {
    const gl = context as WebGL2RenderingContext;
    if (!this.anchor || !this.count || !this.map) return;
    this.upload(gl);
    gl.useProgram(this.program);
    gl.bindVertexArray(this.vertices);
    gl.uniformMatrix4fv(this.uniforms.u_matrix!, false, shifted(defaultProjectionData.mainMatrix as ArrayLike<number>, this.anchor.x, this.anchor.y));
    const now = this.now();
    gl.uniform1f(this.uniforms.u_now!, now);
    gl.uniform1f(this.uniforms.u_glide!, glideSeconds);
    gl.uniform1f(this.uniforms.u_size!, sizeAt(this.map.getZoom()) * devicePixelRatio);
    gl.uniform4fv(this.uniforms.u_styles!, this.styles);
    gl.uniform3fv(this.uniforms.u_rim!, this.rim);
    gl.uniform1i(this.uniforms.u_lit!, this.lit);
    gl.disable(gl.DEPTH_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawArrays(gl.POINTS, 0, this.count);
    gl.bindVertexArray(null);
    if (now < this.movingUntil) this.map.triggerRepaint();
  }
}

function sizeAt(zoom: number): number {
  if (zoom <= 10) return 7;
  if (zoom >= 17) return 22;
  return 7 + ((zoom - 10) / 7) * 15;
}

function mercator(lon: number, lat: number): {x: number; y: number} {
  const y = (180 - (180 / Math.PI) * Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360))) / 360;
  return {x: (180 + lon) / 360, y};
}

/** The matrix for places relative to an anchor, computed in doubles. */
function shifted(m: ArrayLike<number>, x: number, y: number): Float32Array {
  const out = Float32Array.from(m);
  for (let row = 0; row < 4; ++row) out[12 + row] = m[row]! * x + m[4 + row]! * y + m[12 + row]!;
  return out;
}

function rgb(hex: string): [number, number, number] {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

function link(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram()!;
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertexShader], [gl.FRAGMENT_SHADER, fragmentShader]] as const) {
    const shader = gl.createShader(kind)!;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader) ?? 'shader');
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program) ?? 'program');
  return program;
}
