// An OpenID provider (panva's oidc-provider) whose life times and users' grants the tests control.
//
// OPENID_DIRECTORY has jwk.key, jwk.pem, server.key and server.pem, and gets the socket `control`,
// on which one HTTP POST with a JSON body is one command; see the table at the end.

import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { Provider } from 'oidc-provider';

const port = Number(process.env.OPENID_PORT);
const directory = process.env.OPENID_DIRECTORY;
const subjects = process.env.OPENID_SUBJECTS.split(' ');
const scope = process.env.OPENID_SCOPES;
const defaultAudience = process.env.OPENID_AUDIENCE;
const secret = process.env.OPENID_CLIENT_SECRET;
const issuer = `https://localhost:${port}`;
const read = (name) => fs.readFileSync(path.join(directory, name), 'utf8');

const lives = { access: 3600, refresh: 86400, code: 600 };
const switches = { rotate: true };
const requests = [];
const things = new Map();

class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model} ${id}`; }
  async upsert(id, payload, seconds) {
    things.set(this.key(id), { id, model: this.model, payload, end: seconds ? Date.now() + seconds * 1000 : Infinity });
  }
  async find(id) {
    const thing = things.get(this.key(id));
    return thing && thing.end > Date.now() ? thing.payload : undefined;
  }
  async by(name, value) {
    for (const thing of things.values()) {
      if (thing.model === this.model && thing.payload[name] === value) return this.find(thing.id);
    }
    return undefined;
  }
  async findByUid(uid) { return this.by('uid', uid); }
  async findByUserCode(code) { return this.by('userCode', code); }
  async destroy(id) { things.delete(this.key(id)); }
  async consume(id) { (await this.find(id)).consumed = Math.floor(Date.now() / 1000); }
  async revokeByGrantId(grantId) {
    for (const [key, thing] of things) if (thing.payload.grantId === grantId) things.delete(key);
  }
}

const x5c = [read('jwk.pem').replace(/-----[^-]+-----/g, '').replace(/\s+/g, '')];
const jwk = { ...createPrivateKey(read('jwk.key')).export({ format: 'jwk' }), x5c, kid: 'testbed', use: 'sig', alg: 'RS256' };
const device = 'urn:ietf:params:oauth:grant-type:device_code';
const shared = {
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token', device],
  redirect_uris: ['http://localhost:4242'],
  response_types: ['code'],
};

const provider = new Provider(issuer, {
  adapter: Memory,
  clients: [
    { ...shared, client_id: 'hepsub-public', token_endpoint_auth_method: 'none' },
    { ...shared, client_id: 'hepsub', client_secret: secret },
  ],
  jwks: { keys: [jwk] },
  scopes: scope.split(' '),
  claims: { openid: ['sub'], profile: ['preferred_username'], 'wlcg.groups': ['wlcg.groups'] },
  cookies: { keys: [secret] },
  pkce: { required: () => false },
  ttl: {
    DeviceCode: () => lives.code, RefreshToken: () => lives.refresh, Grant: 1209600, IdToken: 3600, Session: 60, Interaction: 600,
  },
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf || defaultAudience,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, indicator) => ({
        scope,
        // the parameter `audience` is what oidc-agent 4 and INDIGO IAM use in place of `resource`
        audience: ctx.oidc?.body?.audience || ctx.oidc?.params?.audience || indicator,
        accessTokenFormat: 'jwt',
        accessTokenTTL: lives.access,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraParams: ['audience'],
  formats: {
    customizers: {
      jwt: (ctx, token, { payload }) => {
        payload.nbf = payload.iat;
        payload['wlcg.ver'] = '1.0';
        const audiences = payload.aud.split(' ');
        if (audiences.length > 1) payload.aud = audiences;
      },
    },
  },
  rotateRefreshToken: () => switches.rotate,
  issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  findAccount: (ctx, id) => (subjects.includes(id) ? { accountId: id, claims: () => ({ sub: id, preferred_username: id }) } : undefined),
  // whoever logs in is not asked for consent
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(scope);
    for (const resource of [defaultAudience].concat(ctx.oidc.params.resource || [])) grant.addResourceScope(resource, scope);
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  await next();
  const body = ctx.oidc?.body || {};
  const told = { method: ctx.method, path: ctx.path, status: ctx.status, grant_type: body.grant_type, scope: body.scope, audience: body.audience, error: ctx.body?.error };
  requests.push(told);
  console.log(JSON.stringify({ ...told, description: ctx.body?.error_description }));
});
provider.on('server_error', (ctx, error) => console.log('server_error', error));

const commands = {
  lives: (wanted) => Object.assign(lives, wanted),
  switches: (wanted) => Object.assign(switches, wanted),
  requests: () => requests,
  forget: () => { requests.length = 0; },
  // what an administrator does, or the end of a refresh token's life
  revoke: ({ subject }) => {
    const dead = [...things].filter(([, thing]) => thing.model === 'RefreshToken' && thing.payload.accountId === subject);
    for (const [key] of dead) things.delete(key);
    return dead.length;
  },
};
http.createServer(async (request, response) => {
  let text = '';
  for await (const piece of request) text += piece;
  const command = commands[request.url.slice(1)];
  response.writeHead(command ? 200 : 404);
  response.end(JSON.stringify(command ? await command(JSON.parse(text || '{}')) ?? null : null));
}).listen(path.join(directory, 'control'));

const front = https.createServer({ key: read('server.key'), cert: read('server.pem') }, provider.callback());
const listen = () => new Promise((resolve) => { front.listen(port, '127.0.0.1', resolve); });
// Down, it refuses connections, as a stopped one does, and keeps its tokens, as one with a database does.
commands.down = () => new Promise((resolve) => { front.close(resolve); front.closeAllConnections(); });
commands.up = () => (front.listening ? null : listen());
await listen();
console.log('up', issuer);
