import {useEffect, useRef, useState} from 'preact/hooks';

import {t} from '../i18n';
import {token, tokenWanted} from '../session';

/** Asks for the token. It is kept for this tab, and sent in a header only. */
export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState(token.peek());
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => (tokenWanted.value = false);
  return (
    <dialog ref={dialog} class="dialog" onClose={close} aria-labelledby="token-title">
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          token.value = text.trim();
          close();
        }}
      >
        <h2 id="token-title">{t('token.title')}</h2>
        <p>{t('token.about')}</p>
        <label class="field">
          <span>{t('token.label')}</span>
          <input type="password" autocomplete="off" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} data-test="token-input" />
        </label>
        <div class="row end">
          {token.value && (
            <button type="button" class="quiet" onClick={() => ((token.value = ''), close())}>
              {t('token.forget')}
            </button>
          )}
          <button type="button" class="quiet" onClick={close}>
            {t('cancel')}
          </button>
          <button type="submit" class="primary">
            {t('token.use')}
          </button>
        </div>
      </form>
    </dialog>
  );
}
