// A map of entities. Loaded when a page first shows one.
import type {Feature, Geometry as GeoGeometry} from 'geojson';
import {
  AttributionControl, LngLatBounds, Map as MapLibre, NavigationControl, ScaleControl, type GeoJSONSource, type MapMouseEvent, type Map,
} from './maplibre';

import type {Batch, Shape} from '../data/messages';
import {shortId, type Geometry} from '../data/model';
import {identity, language} from '../session';
import {palettes, quiet, type Look} from './look';
import {layers, nameLayers, sources} from './ground';
import {Points} from './points';
import {graticule, mapFonts, style} from './style';

export interface Hit {
  id: string;
  name: string;
  type: string;
  lngLat: [number, number];
}
export interface Words {
  zoomIn: string;
  zoomOut: string;
  map: string;
}

const namesFrom = 13.5; // zoom
const mostNames = 160;
const seoul: [number, number] = [126.978, 37.5665];

export class CityMap {
  readonly map: Map;
  private readonly points = new Points();
  private shapes: Shape[] = [];
  private looks = new globalThis.Map<string, Look>();
  private shown: (type: string) => boolean = () => true;
  private dark: boolean;
  private tip: HTMLElement;
  private litShape = '';
  private ready = false;
  private namesDue = 0;
  private touched = false; // the reader has moved the map: it is no longer ours to move

  constructor(container: HTMLElement, dark: boolean, words: Words, private readonly onPick: (hit: Hit) => void, interactive = true) {
    this.dark = dark;
    this.map = new MapLibre({
      container,
      style: style(dark),
      center: seoul,
      zoom: 12,
      maxZoom: 20,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 150,
      interactive,
      // Tiles are asked for as all else: with the session's token, in a header.
      transformRequest: (url) => ({url, headers: identity()}),
      cooperativeGestures: false,
      canvasContextAttributes: {antialias: false},
      locale: {'NavigationControl.ZoomIn': words.zoomIn, 'NavigationControl.ZoomOut': words.zoomOut, 'Map.Title': words.map},
    });
    this.map.touchZoomRotate.disableRotation();
    if (interactive) this.map.addControl(new NavigationControl({showCompass: false}), 'top-right');
    this.map.addControl(new ScaleControl({maxWidth: 90}), 'bottom-right');
    void AttributionControl; // comes with base tiles, which want to be named
    this.tip = document.createElement('div');
    this.tip.className = 'map-tip';
    this.tip.hidden = true;
    container.appendChild(this.tip);
    this.map.on('style.load', () => this.dress());
    this.map.on('moveend', () => this.look());
    this.map.on('resize', () => this.look());
    for (const event of ['dragstart', 'wheel', 'dblclick'] as const) this.map.on(event, () => (this.touched = true));
    this.map.on('mousemove', (event) => this.point(event));
    this.map.getCanvas().addEventListener('mouseleave', () => this.hover(null));
    this.map.on('click', (event) => {
      const hit = this.hit(event, 18);
      if (hit) this.onPick(hit);
    });
  }

  private dress(): void {
    this.ready = true;
    if (!this.map.getLayer('points')) this.map.addLayer(this.points, 'area-names');
    this.layGround();
    this.points.setLook(this.looks, this.shown, this.dark);
    this.drawShapes();
    this.look();
  }

  /** What depends on the view: the grid and the names in it. */
  private look(): void {
    if (!this.ready) return;
    const view = this.map.getBounds();
    this.source('grid')?.setData(graticule(view.getWest(), view.getSouth(), view.getEast(), view.getNorth()));
    this.writeNames();
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource(name) as GeoJSONSource | undefined;
  }

  setLook(looks: globalThis.Map<string, Look>, shown: (type: string) => boolean, dark: boolean): void {
    this.looks = looks;
    this.shown = shown;
    if (dark !== this.dark) {
      this.dark = dark;
      this.ready = false;
      this.map.setStyle(style(dark), {diff: false});
      return;
    }
    this.points.setLook(looks, shown, dark);
    this.layGround();
    this.drawShapes();
    this.writeNames();
  }

  /** Types that come as vector tiles. */
  private tiled: string[] = [];
  private laid = '';
  setTiled(types: string[]): void {
    this.tiled = types;
    this.layGround();
  }

  private layGround(): void {
    if (!this.ready) return;
    const all = layers(this.tiled, this.looks, this.shown, this.dark);
    const names = nameLayers(this.tiled, this.shown, this.dark, language.peek(), mapFonts);
    const wanted = JSON.stringify([all, names]);
    const there = this.map.getStyle().layers.some(({id}) => id.startsWith('tiles-'));
    if (wanted === this.laid && (there || !all.length)) return;
    this.laid = wanted;
    for (const {id} of this.map.getStyle().layers) if (id.startsWith('tiles-')) this.map.removeLayer(id);
    const needed = sources(this.tiled);
    for (const [name, source] of Object.entries(needed)) {
      const old = this.map.getSource(name);
      if (old && JSON.stringify((old.serialize() as {tiles?: string[]}).tiles) !== JSON.stringify(source.tiles)) this.map.removeSource(name);
      if (!this.map.getSource(name)) this.map.addSource(name, source);
    }
    for (const layer of all) this.map.addLayer(layer, 'areas');
    for (const layer of names) this.map.addLayer(layer, 'points');
  }

  apply(batch: Batch, glide: boolean): void {
    this.points.apply(batch, glide);
    if (!batch.added.length && !batch.moved.length && !batch.removed.length) return;
    const now = performance.now();
    if (this.map.getZoom() < namesFrom || now < this.namesDue) return;
    this.namesDue = now + 1000;
    setTimeout(() => this.writeNames(), 950); // once they have glided
  }

  setShapes(shapes: Shape[]): void {
    this.shapes = shapes;
    this.drawShapes();
    this.writeNames();
  }

  private held = 0;
  /** These and no others: for what a question found. */
  replaceAll(things: {id: string; type: string; name: string; geometry: Geometry | null}[]): void {
    const removed = Int32Array.from({length: this.held}, (_, i) => i);
    const points = things.filter(({geometry}) => geometry?.type === 'Point');
    const added = points.map(({id, type, name, geometry}, slot) => {
      const [lon = 0, lat = 0] = geometry!.coordinates as number[];
      return {slot, id, type, name, lon, lat};
    });
    this.held = added.length;
    this.points.forgetExtent();
    this.points.apply({kind: 'batch', added, moved: new Int32Array(), places: new Float64Array(), removed}, false);
    this.setShapes(things.filter((thing): thing is Shape => thing.geometry !== null && thing.geometry.type !== 'Point'));
  }

  private colour(type: string): string {
    const palette = this.dark ? palettes.dark : palettes.light;
    return palette[this.looks.get(type)?.colour ?? quiet]!;
  }

  private drawShapes(): void {
    if (!this.ready) return;
    const features = this.shapes
      .filter(({type}) => this.shown(type))
      .map(({id, type, geometry}) => ({type: 'Feature' as const, properties: {id, colour: this.colour(type)}, geometry: geometry as GeoGeometry}));
    this.source('shapes')?.setData({type: 'FeatureCollection', features});
  }

  private writeNames(): void {
    if (!this.ready) return;
    const features: Feature[] = [];
    const write = (name: string, kind: string, coordinates: [number, number]) =>
      features.push({type: 'Feature', properties: {name, kind}, geometry: {type: 'Point', coordinates}});
    if (this.map.getZoom() >= namesFrom) for (const {name, lon, lat} of this.points.inView(mostNames)) write(name, 'point', [lon, lat]);
    for (const shape of this.shapes.slice(0, 2000)) {
      if (!this.shown(shape.type) || !shape.geometry.type.endsWith('Polygon')) continue;
      const box = boundsOf([shape.geometry]);
      // At the upper edge, where fewer points lie.
      if (box) write(shape.name, 'area', [(box[0] + box[2]) / 2, box[3] - (box[3] - box[1]) * 0.06]);
    }
    this.source('names')?.setData({type: 'FeatureCollection', features});
  }

  // ---- the pointer ----

  private hit(event: MapMouseEvent, within: number): (Hit & {slot: number}) | null {
    const slot = this.points.at(event.point.x, event.point.y, within);
    const thing = this.points.thing(slot);
    if (thing) return {...thing, slot};
    if (!this.ready) return null;
    const {x, y} = event.point;
    const found = this.map.queryRenderedFeatures([[x - 4, y - 4], [x + 4, y + 4]], {layers: ['lines', 'area-edges', 'areas']})[0];
    const shape = found && this.shapes.find(({id}) => id === found.properties.id);
    const lngLat: [number, number] = [event.lngLat.lng, event.lngLat.lat];
    if (shape) return {...shape, lngLat, slot: -1};
    const tiles = this.map.getStyle().layers.map(({id}) => id).filter((id) => id.startsWith('tiles-') && !id.endsWith('-name'));
    const under = tiles.length ? this.map.queryRenderedFeatures([[x - 2, y - 2], [x + 2, y + 2]], {layers: tiles})[0] : undefined;
    if (!under) return null;
    const told = under.properties as Record<string, string>;
    return {id: told.id ?? '', type: under.sourceLayer ?? '', name: told['name:' + language.peek()] ?? told.name ?? shortId(told.id ?? ''), lngLat, slot: -1};
  }

  private pointing: MapMouseEvent | null = null;
  private point(event: MapMouseEvent): void {
    if (!this.pointing) requestAnimationFrame(() => {
      const last = this.pointing;
      this.pointing = null;
      if (last && !this.map.isMoving()) this.hover(this.hit(last, 12), last);
    });
    this.pointing = event;
  }

  tipText: (hit: Hit) => [string, string] = ({name, type}) => [name, type];
  private hover(hit: (Hit & {slot: number}) | null, event?: MapMouseEvent): void {
    this.points.light(hit?.slot ?? -1);
    this.map.getCanvas().style.cursor = hit ? 'pointer' : '';
    this.tip.hidden = !hit;
    if (!hit || !event) return;
    const [name, type] = this.tipText(hit);
    this.tip.replaceChildren(Object.assign(document.createElement('strong'), {textContent: name}), Object.assign(document.createElement('span'), {textContent: type}));
    this.tip.style.transform = `translate(${Math.round(event.point.x)}px, ${Math.round(event.point.y)}px)`;
  }

  // ---- the view ----

  /** Shows all that came, unless the reader has taken the map into their hands. */
  showAll(animate = false): void {
    if (this.touched) return;
    const boxes: [number, number, number, number][] = [];
    const points = this.points.extent();
    if (points) boxes.push(points);
    const shapes = boundsOf(this.shapes.map(({geometry}) => geometry));
    if (shapes) boxes.push(shapes);
    if (!boxes.length) return;
    const all = new LngLatBounds();
    for (const [west, south, east, north] of boxes) all.extend([west, south]).extend([east, north]);
    this.map.fitBounds(all, {padding: 56, maxZoom: 15.5, animate});
  }

  showThing(geometry: Geometry): void {
    const box = boundsOf([geometry]);
    if (box) this.map.fitBounds(box, {padding: 48, maxZoom: 16, animate: false});
  }

  bounds(): [number, number, number, number] {
    const view = this.map.getBounds();
    return [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()];
  }

  /** Where a thing is drawn now, for those who look at a place in the map (tests, too). */
  whereIs(id: string): [number, number] | null {
    return this.points.thing(this.points.find(id))?.lngLat ?? null;
  }

  light(id: string): void {
    this.litShape = id;
    this.points.light(this.litShape ? this.points.find(this.litShape) : -1);
  }

  remove(): void {
    this.ready = false;
    this.map.remove();
  }
}

/** West, south, east, north; null where there is no place. */
export function boundsOf(geometries: Geometry[]): [number, number, number, number] | null {
  let box: [number, number, number, number] | null = null;
  const visit = (coordinates: unknown): void => {
    if (!Array.isArray(coordinates)) return;
    const [x, y] = coordinates as number[];
    if (typeof x === 'number' && typeof y === 'number') {
      box = box ? [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)] : [x, y, x, y];
    } else coordinates.forEach(visit);
  };
  for (const geometry of geometries) visit(geometry.coordinates);
  return box;
}
