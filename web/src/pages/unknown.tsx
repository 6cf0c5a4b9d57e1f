import {t} from '../i18n';

export function Unknown() {
  return (
    <div class="unknown">
      <h1>{t('unknown.title')}</h1>
      <p>{t('unknown.about')}</p>
      <p>
        <a href="/">{t('nav.now')}</a>
      </p>
    </div>
  );
}
