// Draws an area on a map by clicks, and shows the one that is chosen.
import type {Feature, Geometry as GeoGeometry} from 'geojson';
import type {GeoJSONSource, Map, MapMouseEvent} from './maplibre';

import type {Area} from '../data/question';

const sides = 64;
const earth = 6_371_008.8; // metres

export class AreaDrawer {
  private drawing: 'near' | 'within' | null = null;
  private corners: [number, number][] = [];
  private area: Area = {kind: 'none'};
  private pointer: [number, number] | null = null;

  constructor(private readonly map: Map, private readonly onArea: (area: Area) => void, private readonly colour: () => string) {
    map.on('style.load', () => this.dress());
    map.on('click', (event) => this.click(event));
    map.on('dblclick', (event) => {
      if (this.drawing === 'within') event.preventDefault(), this.finish();
    });
    map.on('mousemove', ({lngLat}) => {
      if (!this.drawing || !this.corners.length) return;
      this.pointer = [lngLat.lng, lngLat.lat];
      this.show();
    });
    if (map.isStyleLoaded()) this.dress();
  }

  private dress(): void {
    if (this.map.getSource('drawn')) return;
    this.map.addSource('drawn', {type: 'geojson', data: {type: 'FeatureCollection', features: []}});
    this.map.addLayer({id: 'drawn-area', type: 'fill', source: 'drawn', filter: ['==', ['geometry-type'], 'Polygon'], paint: {'fill-color': this.colour(), 'fill-opacity': 0.14}});
    this.map.addLayer({id: 'drawn-edge', type: 'line', source: 'drawn', filter: ['!=', ['geometry-type'], 'Point'], paint: {'line-color': this.colour(), 'line-width': 2, 'line-dasharray': [2, 1.2]}});
    this.map.addLayer({id: 'drawn-corner', type: 'circle', source: 'drawn', filter: ['==', ['geometry-type'], 'Point'], paint: {'circle-color': this.colour(), 'circle-radius': 5, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1.5}});
    this.show();
  }

  get busy(): boolean {
    return this.drawing !== null;
  }

  begin(kind: 'near' | 'within'): void {
    this.drawing = kind;
    this.corners = [];
    this.pointer = null;
    this.map.getCanvas().style.cursor = 'crosshair';
    this.map.doubleClickZoom.disable();
    this.show();
  }

  /** The drawn polygon is what there is so far. */
  finish(): void {
    // A double click has clicked twice.
    const corners = this.corners.filter((place, i) => i === 0 || Math.hypot(place[0] - this.corners[i - 1]![0], place[1] - this.corners[i - 1]![1]) > 1e-9);
    const enough = this.drawing === 'within' && corners.length >= 3;
    this.end();
    if (enough) this.choose({kind: 'within', ring: [...corners, corners[0]!]});
  }

  end(): void {
    this.drawing = null;
    this.corners = [];
    this.pointer = null;
    this.map.getCanvas().style.cursor = '';
    setTimeout(() => this.map.doubleClickZoom.enable(), 300);
    this.show();
  }

  private choose(area: Area): void {
    this.area = area;
    this.show();
    this.onArea(area);
  }

  set(area: Area): void {
    this.area = area;
    this.show();
  }

  private click({lngLat}: MapMouseEvent): void {
    if (!this.drawing) return;
    this.corners.push([lngLat.lng, lngLat.lat]);
    if (this.drawing === 'near' && this.corners.length === 2) {
      const [middle, edge] = this.corners as [[number, number], [number, number]];
      this.end();
      this.choose({kind: 'near', lon: middle[0], lat: middle[1], metres: Math.max(1, Math.round(distance(middle, edge)))});
      return;
    }
    this.show();
  }

  private show(): void {
    const source = this.map.getSource('drawn') as GeoJSONSource | undefined;
    if (!source) return;
    const features: Feature[] = [];
    const add = (geometry: GeoGeometry) => features.push({type: 'Feature', properties: {}, geometry});
    if (this.drawing) {
      const line = this.pointer ? [...this.corners, this.pointer] : this.corners;
      if (this.drawing === 'near' && line.length > 1) add({type: 'Polygon', coordinates: [circle(line[0]!, distance(line[0]!, line[line.length - 1]!))]});
      else if (line.length > 2) add({type: 'Polygon', coordinates: [[...line, line[0]!]]});
      else if (line.length > 1) add({type: 'LineString', coordinates: line});
      for (const coordinates of this.corners) add({type: 'Point', coordinates});
    } else if (this.area.kind === 'near') {
      add({type: 'Polygon', coordinates: [circle([this.area.lon, this.area.lat], this.area.metres)]});
    } else if (this.area.kind === 'within') {
      add({type: 'Polygon', coordinates: [this.area.ring]});
    }
    source.setData({type: 'FeatureCollection', features});
  }
}

function distance([lon1, lat1]: [number, number], [lon2, lat2]: [number, number]): number {
  const rad = Math.PI / 180;
  const dy = (lat2 - lat1) * rad, dx = (lon2 - lon1) * rad;
  const h = Math.sin(dy / 2) ** 2 + Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(dx / 2) ** 2;
  return 2 * earth * Math.asin(Math.sqrt(h));
}

function circle([lon, lat]: [number, number], metres: number): [number, number][] {
  const rad = Math.PI / 180;
  const dLat = metres / earth / rad, dLon = dLat / Math.cos(lat * rad);
  return Array.from({length: sides + 1}, (_, i) => {
    const angle = ((i % sides) / sides) * 2 * Math.PI;
    return [lon + Math.cos(angle) * dLon, lat + Math.sin(angle) * dLat];
  });
}
