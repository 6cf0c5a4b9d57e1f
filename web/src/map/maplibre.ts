// MapLibre in its build for strict policies: no code from strings, its worker from a file of ours. One place that names it.
import * as maplibre from 'maplibre-gl/dist/maplibre-gl-csp';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-csp-worker.js?url';
import 'maplibre-gl/dist/maplibre-gl.css';

maplibre.setWorkerUrl(workerUrl);

export const {Map, MercatorCoordinate, LngLatBounds, NavigationControl, ScaleControl, GeolocateControl, AttributionControl} = maplibre;
export type Map = maplibre.Map;
export type {CustomLayerInterface, CustomRenderMethodInput, GeoJSONSource, StyleSpecification, LayerSpecification, VectorSourceSpecification, MapMouseEvent} from 'maplibre-gl';
