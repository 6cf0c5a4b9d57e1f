import {render} from 'preact';

import {App} from './app';
import {startRouter} from './router';
import {startSession} from './session';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/now.css';
import './styles/pages.css';

startSession();
startRouter();
render(<App />, document.getElementById('portal')!);
