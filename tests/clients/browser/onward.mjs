// Applications that send people on to another of their hosts, two tabs, a second click, and a neighbour's odd cookie.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { inBrowser, person, signIn } from '../lib/chromium.mjs';
import { facts } from '../lib/facts.mjs';

const it = await facts();
const received = [];

/// The host that people end up at.
const home = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Home</title><h1>Home</h1>');
});
await new Promise((ready) => home.listen(0, '127.0.0.1', ready));
const landing = `http://localhost:${home.address().port}/home`;

/// The registered one: takes what comes, sets a cookie with an odd byte for all of 127.0.0.1, and sends people on.
const application = createServer((request, response) => {
  const url = new URL(request.url, it.application);
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => {
    received.push({ method: request.method, path: url.pathname, query: url.searchParams, body });
    if (url.pathname === '/neighbour') {
      response.setHeader('set-cookie', ['n=M\xfcller; Path=/', '\xfc=1; Path=/']);
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Neighbour</title>');
      return;
    }
    if (url.pathname === '/initiate') {
      response.writeHead(302, { location: authorization({ login_hint: url.searchParams.get('login_hint') }) }).end();
      return;
    }
    response.writeHead(302, { location: `${landing}?from=${url.pathname.slice(1)}` }).end();
  });
});
await new Promise((ready) => application.listen(Number(new URL(it.application).port), '127.0.0.1', ready));

function authorization(more = {}) {
  const parameters = { client_id: 'onward', response_type: 'code', scope: 'openid', state: 'mine', redirect_uri: `${it.application}/callback` };
  for (const [name, value] of Object.entries(more)) if (value) parameters[name] = value;
  return `${it.issuer}/authorize?${new URLSearchParams(parameters)}`;
}

const home_of = (page, from) => page.waitForURL(`${landing}?from=${from}`);
const saml = `${it.issuer}/samlp/onward-saml?RelayState=mine`;
const wsfed = `${it.issuer}/wsfed/onward-wsfed?${new URLSearchParams({ wa: 'wsignin1.0', wtrealm: 'urn:test:onward', wctx: 'mine' })}`;

const stories = {
  async 'sign-in'(browser) {
    for (const [url, from, answer] of [
      [authorization(), 'callback', 'query'],
      [authorization({ response_mode: 'form_post' }), 'callback', 'code'],
      [saml, 'acs', 'SAMLResponse'],
      [wsfed, 'wsfed', 'wresult'],
    ]) {
      received.length = 0;
      const page = await person(browser);
      await page.goto(url);
      await signIn(page, it.alice);
      await home_of(page, from);
      const told = received.find(({ path }) => path === `/${from}`);
      if (answer === 'query') assert.ok(told.query.get('code'));
      else assert.match(told.body, new RegExp(`(^|&)${answer}=`));
      await page.context().close();
    }
  },

  async 'sign-out'(browser) {
    const page = await person(browser);
    await page.goto(authorization());
    await signIn(page, it.alice);
    await home_of(page, 'callback');
    const back = { client_id: 'onward', post_logout_redirect_uri: `${it.application}/out`, state: 'z' };
    await page.goto(`${it.issuer}/oidc/logout?${new URLSearchParams(back)}`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await home_of(page, 'out');
    assert.equal(received.find(({ path }) => path === '/out').query.get('state'), 'z');
    await page.goto(`${it.issuer}/account`);
    await page.getByLabel('Password').waitFor();
  },

  /// From the console into the application, in each protocol.
  async 'open-now'(browser) {
    for (const [client, from] of [['onward', 'callback'], ['onward-saml', 'acs'], ['onward-wsfed', 'wsfed']]) {
      const page = await person(browser);
      await page.goto(`${it.issuer}/console/users/usr_alice/sign-in-as?application=${client}&reason=test&ticket=T-1`);
      await signIn(page, it.sam);
      // It may be opened in a window of its own.
      const [opened] = await Promise.all([
        Promise.race([page.context().waitForEvent('page'), home_of(page, from).then(() => page)]),
        page.getByRole('button', { name: 'Open now' }).click(),
      ]);
      await home_of(opened, from);
      await page.context().close();
    }
  },

  async tabs(browser) {
    const first = await person(browser);
    const second = await first.context().newPage();
    await first.goto(authorization());
    await second.goto(authorization({ response_mode: 'form_post' }));
    await first.getByLabel('Email address').fill(it.alice.email);
    await first.getByLabel('Password').fill(it.alice.password);
    await first.getByRole('button', { name: 'Sign in' }).dblclick();
    await home_of(first, 'callback');
    await signIn(second, it.alice);
    await home_of(second, 'callback');
    await first.goto(`${it.issuer}/account`);
    await first.getByText(it.alice.email).first().waitFor();
  },

  async neighbour(browser) {
    const page = await person(browser);
    await page.goto(`${it.application}/neighbour`);
    await page.goto(authorization());
    await signIn(page, it.alice);
    await home_of(page, 'callback');
    await page.goto(`${it.issuer}/logout`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.goto(`${it.issuer}/account`);
    await page.getByLabel('Password').waitFor();
  },
};

try {
  await inBrowser(stories[it.story]);
} finally {
  for (const server of [home, application]) {
    server.closeAllConnections();
    server.close();
  }
}
