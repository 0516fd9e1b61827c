// SPDX-License-Identifier: Apache-2.0

/** The token stands behind the #, which no browser sends: it goes into the form, and out of the address. */
export function signInByLink(): void {
  const form = document.querySelector('form#sign-in');
  const input = document.querySelector('input#token');
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (form instanceof HTMLFormElement && input instanceof HTMLInputElement && token !== null) {
    history.replaceState(null, '', location.pathname);
    input.value = token;
    form.requestSubmit();
  }
}
