// An application of the script's own, that writes down every request it gets.
import { createServer } from 'node:http';

export class Application {
  requests = [];
  /// More pages: path to HTML.
  pages = new Map();

  constructor(facts) {
    this.url = facts.application;
    this.facts = facts;
  }

  async open() {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((ready) => this.server.listen(Number(new URL(this.url).port), '127.0.0.1', ready));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  #answer(request, response) {
    const url = new URL(request.url, this.url);
    this.requests.push({ method: request.method, url, headers: request.headers });
    if (url.pathname === '/initiate') {
      response.writeHead(302, { location: this.authorization(url.searchParams.get('login_hint')) }).end();
      return;
    }
    const page = this.pages.get(url.pathname) ?? `<title>Application</title><h1>The application</h1><p>${url.pathname}`;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
  }

  /// Its own request for a login.
  authorization(loginHint) {
    const parameters = { client_id: this.facts.client_id, response_type: 'code', scope: 'openid profile', state: 'mine', nonce: 'once', redirect_uri: `${this.url}/callback` };
    if (loginHint) parameters.login_hint = loginHint;
    return `${this.facts.issuer}/authorize?${new URLSearchParams(parameters)}`;
  }
}
