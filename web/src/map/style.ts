// The map's style, in the order in which things lie on each other: ground, grid, vector tiles (ground.ts, put below
// 'areas'), areas, lines, names of tiles, points, names.
import type {Feature, FeatureCollection} from 'geojson';
import type {LayerSpecification, StyleSpecification} from './maplibre';

export interface Inks {
  ground: string;
  grid: string;
  name: string;
  halo: string;
}
export const inks = {
  light: {ground: '#edf1ef', grid: '#d9e0dd', name: '#26322f', halo: '#fbfdfc'},
  dark: {ground: '#131a18', grid: '#222c29', name: '#dfe8e5', halo: '#0e1413'},
} satisfies Record<string, Inks>;

// Local fonts only: no glyphs are fetched.
export const mapFonts = ['Pretendard', 'Noto Sans CJK KR', 'Noto Sans KR', 'Apple SD Gothic Neo', 'Malgun Gothic', 'sans-serif'];

const empty = {type: 'FeatureCollection' as const, features: []};

export function style(dark: boolean): StyleSpecification {
  const ink = dark ? inks.dark : inks.light;
  const names = (id: string, filter: unknown, more: Record<string, unknown>): LayerSpecification =>
    ({
      id, type: 'symbol', source: 'names', filter,
      layout: {
        'text-field': ['get', 'name'], 'text-font': mapFonts, 'text-size': 12, 'text-max-width': 9, 'text-padding': 4, ...more,
      },
      paint: {'text-color': ink.name, 'text-halo-color': ink.halo, 'text-halo-width': 1.4},
    }) as LayerSpecification;
  return {
    version: 8,
    sources: {
      grid: {type: 'geojson', data: empty},
      shapes: {type: 'geojson', data: empty, attribution: ''},
      names: {type: 'geojson', data: empty},
    },
    layers: [
      {id: 'ground', type: 'background', paint: {'background-color': ink.ground}},
      {id: 'grid', type: 'line', source: 'grid', paint: {'line-color': ink.grid, 'line-width': ['get', 'width']}},
      {
        id: 'areas', type: 'fill', source: 'shapes', filter: ['==', ['geometry-type'], 'Polygon'],
        paint: {'fill-color': ['get', 'colour'], 'fill-opacity': dark ? 0.12 : 0.09},
      },
      {
        id: 'area-edges', type: 'line', source: 'shapes', filter: ['==', ['geometry-type'], 'Polygon'],
        layout: {'line-join': 'round'},
        paint: {'line-color': ['get', 'colour'], 'line-width': ['interpolate', ['linear'], ['zoom'], 10, 0.8, 16, 1.8], 'line-opacity': 0.6},
      },
      {
        id: 'lines', type: 'line', source: 'shapes', filter: ['==', ['geometry-type'], 'LineString'],
        layout: {'line-join': 'round', 'line-cap': 'round'},
        paint: {'line-color': ['get', 'colour'], 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 10, 0.8, 14, 2, 18, 9], 'line-opacity': dark ? 0.4 : 0.36},
      },
      names('area-names', ['==', ['get', 'kind'], 'area'], {'text-size': 13, 'text-letter-spacing': 0.04}),
      names('point-names', ['==', ['get', 'kind'], 'point'], {'text-anchor': 'top', 'text-offset': [0, 0.9], 'text-optional': true}),
    ],
  };
}

const steps = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];

/** Meridians and parallels over a view: about six each way, each fifth one wider. */
export function graticule(west: number, south: number, east: number, north: number): FeatureCollection {
  const step = steps.find((one) => (east - west) / one >= 6) ?? steps[steps.length - 1]!;
  const features: Feature[] = [];
  const line = (coordinates: [number, number][], i: number) =>
    features.push({type: 'Feature', properties: {width: i % 5 === 0 ? 1.2 : 0.6}, geometry: {type: 'LineString', coordinates}});
  const margin = (east - west) / 2;
  const [w, e] = [west - margin, east + margin];
  const [s, n] = [Math.max(-85, south - margin), Math.min(85, north + margin)];
  for (let i = Math.floor(w / step); i <= e / step && features.length < 200; ++i) line([[i * step, s], [i * step, n]], i);
  for (let i = Math.floor(s / step); i <= n / step && features.length < 400; ++i) line([[w, i * step], [e, i * step]], i);
  return {type: 'FeatureCollection', features};
}
