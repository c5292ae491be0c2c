/** The HTTP server: puts routes, auth, errors, metrics and the live feed together on one fastify instance. */
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  type RouteOptions,
} from 'fastify';
import type { Config } from '../config/config.js';
import { madeOf } from '../config/live-config.js';
import {
  CONNECTION_CHECK_MS,
  HEADERS_MS_MAX,
  KEEP_ALIVE_MS,
  REQUEST_MS_MAX,
  SHUTDOWN_MS,
} from '../domain/limits.js';
import type { Ingest } from '../ingest/types.js';
import type { AuditTrail, DiskWatch, Store } from '../store/port.js';
import type { Meters } from '../telemetry/meters.js';
import { isSmallBody, readSmallBody, SMALL_BODY } from './bodies/small-bodies.js';
import { createUnfinishedBodies } from './bodies/unfinished-bodies.js';
import type { ApiContext, Erase } from './context.js';
import { answerClientError, createErrorHandler, type ErrorHandler, sendProblem } from './errors.js';
import { createAccess, NOBODY_ASKED, restrict } from './guards/access.js';
import { createPasswordGate, type Guard, requirePassword } from './guards/auth.js';
import { createHostCheck, crossSite, hostMissing, hostTwice } from './guards/browser-guards.js';
import { createCors } from './guards/cors.js';
import { createIngestAnswers } from './ingest-answers.js';
import { createStreamHub } from './live/stream.js';
import { createMetrics, type Reloads } from './metrics.js';
import type { DescribedRoute } from './openapi.js';
import { createDashboard } from './pages/dashboard.js';
import { docsRoutes } from './pages/docs.js';
import { createFallback, pathOf } from './pages/fallback.js';
import { parseQueryString } from './query-string.js';
import { createRefusalLog } from './refusals.js';
import { createRequestIds, nameAnswer, REQUEST_ID } from './request-id.js';
import { auditRoute } from './routes/audit.js';
import { chunkRoute } from './routes/chunk.js';
import { eraseRoute } from './routes/erase.js';
import { eventsIngestRoute } from './routes/ingest.js';
import { healthRoutes, operatorRoutes } from './routes/operator.js';
import { questionRoutes } from './routes/questions.js';
import { replayUploadRoute } from './routes/replay.js';
import { sdkRoute } from './routes/sdk.js';
import { streamRoute } from './routes/stream.js';

export { DASHBOARD_DIR } from './pages/dashboard.js';

export interface ServerDeps {
  config: Config;
  store: Store;
  ingest: Ingest;
  /** Errors and refusals of note go here, and a line a request: at info of the API's, at debug of every other one. */
  log: FastifyBaseLogger;
  /** Of the collector, as its API description names it. */
  version: string;
  /** Takes a user out of the store. */
  erase: Erase;
  /** Where it is written down who watched a replay. */
  audit: AuditTrail;
  /** What the disk has room for. */
  disk: DiskWatch;
  /** What the store's threads measure of themselves. */
  meters: Meters;
  /** Bytes of the journal's files. */
  journalBytes: () => number;
  /** How often the configuration was read again. */
  reloads: () => Reloads;
  /** Whether the store's views are caught up; `/readyz` says so. */
  ready: () => boolean;
  /** Where the built dashboard is. */
  dashboardDir: string;
  /** Unix ms. */
  now: () => number;
}

/**
 * Builds the server, ready to `listen`. `close()` takes no new requests, lets those under way finish for `SHUTDOWN_MS` at
 * most, and ends the streams; the store stays open, and is its owner's to close.
 */
export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const context = createContext(deps);
  const onError = createErrorHandler(deps.log);
  // fastify itself gets no logger: with one it makes a child of it, and listens for the end, for every request.
  const { trusted_proxies } = deps.config;
  const server = fastify({
    // Of a forwarded request only the client's address is believed, and of nobody but these.
    trustProxy: trusted_proxies?.length ? [...trusted_proxies] : false,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: HEADERS_MS_MAX,
      connectionsCheckingInterval: CONNECTION_CHECK_MS,
      requireHostHeader: false,
    },
    return503OnClosing: false,
    genReqId: createRequestIds(),
    schemaController: NO_COMPILERS,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      onError(error, request, reply);
    },
    // Whatever is too long to exist is answered like anything else that is not there.
    routerOptions: { maxParamLength: MAX_HEADER_BYTES, querystringParser: parseQueryString },
  });
  // An expectation nobody knows may be ignored (RFC 9110, 10.1.1); node would answer it with a bare 417.
  server.server.on('checkExpectation', (request, response) =>
    server.server.emit('request', request, response),
  );
  server.decorateRequest('access');
  const app = server;

  app.setErrorHandler((error: FastifyError, request, reply) => {
    onError(error, request, reply);
  });
  const guard = createGuard(context);
  const dashboard = createDashboard(deps.dashboardDir);
  const fallback = createFallback(dashboard.sendPage);
  app.addHook('onRoute', fallback.note);
  const described: DescribedRoute[] = [];
  app.addHook('onRoute', (route) => noteDescribed(described, route));
  await app.register(async (scope) => {
    prepareIngest(scope, context, onError);
    addIngestRoutes(scope, context);
  });
  // A scope beside that one: a hook of the server itself would be one of the hot path's, whenever it was added.
  await app.register(async (others) => {
    others.removeAllContentTypeParsers();
    // A body where none belongs is left unread.
    others.addContentTypeParser('*', (_request, _payload, done) => done(null));
    others.addHook('onRequest', (request, reply, done) => {
      nameAnswer(request, reply);
      callBody(request, BYTES);
      begin(request, reply, done);
    });
    observe(others, context);
    await others.register(async (scope) => {
      guardHeaders(scope);
      healthRoutes(scope, context);
      sdkRoute(scope);
    });
    await others.register(async (scope) => {
      scope.addHook('onRequest', guard);
      guardHeaders(scope);
      addGuardedRoutes(scope, context);
      docsRoutes(scope, context.version, () => described);
      dashboard.routes(scope);
    });
    others.setNotFoundHandler(
      { preHandler: (request, reply, done) => (isOpen(request) ? done() : guard(request, reply, done)) },
      fallback.answer,
    );
  });
  closeInTime(app, context);
  await app.ready();
  return app;
}

/** fastify then never loads ajv, a third of its start: parameters are validated by zod, in the handlers. */
const NO_COMPILERS = {
  compilersFactory: { buildValidator: neverCalled, buildSerializer: neverCalled },
};

function neverCalled(): never {
  throw new Error('no route has a schema of fastify');
}

function noteDescribed(described: DescribedRoute[], { method, url, config }: RouteOptions): void {
  const { access, describe } = config ?? {};
  if (describe === undefined || typeof method !== 'string' || method === 'HEAD') return;
  described.push({ method, path: url, describe, ...(access && { access }) });
}

const BYTES = 'application/octet-stream';
/** Node takes no longer request line and headers. */
const MAX_HEADER_BYTES = 16_384;
/** How often a server that closes looks for connections that have gone idle. */
const CLOSE_IDLE_MS = 100;

/** Paths that never ask for the password, whatever the method. */
const OPEN_PATHS = /^\/(v1\/events|v1\/replay|healthz|readyz|sdk\/.*)$/;

function isOpen(request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' || OPEN_PATHS.test(pathOf(request));
}

function createContext(deps: ServerDeps): ApiContext {
  const { config, store, ingest, log, version, erase, audit, disk, now, ready } = deps;
  const { meters, reloads, journalBytes } = deps;
  let failed = false;
  store.failed.then((reason) => {
    failed = true;
    log.fatal(
      { err: reason },
      'a commit failed: nothing more is accepted until the collector is started again',
    );
  });
  const hasFailed = () => failed;
  const isReady = () => !failed && ready();
  const stream = createStreamHub({ store, log });
  const streamReaders = stream.followers;
  const metrics = createMetrics({
    ...{ store, hasFailed, streamReaders, disk, version, now, meters, reloads, journalBytes },
  });
  const answers = createIngestAnswers({ metrics, log, noteRefusal: createRefusalLog(log, now) });
  const cors = createCors(config);
  return {
    ...{ config, store, ingest, log, version, erase, audit, disk, now },
    ...{ cors, metrics, answers, stream, isReady, hasFailed },
  };
}

/** The hook that keeps other sites out, and asks for the password where one is set. */
function createGuard({ config, now }: ApiContext): Guard {
  const letIn: Guard = (request, reply, done) => {
    const refusal = restrict(request);
    if (refusal === undefined) done();
    else sendProblem(reply, refusal);
  };
  const access = madeOf(
    () => config.auth,
    () => createAccess(config),
  );
  const withPassword = requirePassword(
    createPasswordGate((name, password) => access()(name, password)),
    now,
  );
  const askPassword: Guard = (request, reply, done) => {
    if (config.auth.dashboard_password !== undefined) return withPassword(request, reply, done);
    request.access = NOBODY_ASKED;
    done();
  };
  const foreignHost = createHostCheck(config);
  return (request, reply, done) => {
    const refusal = hostTwice(request) ?? foreignHost(request) ?? crossSite(request);
    if (refusal === undefined) askPassword(request, reply, () => letIn(request, reply, done));
    else sendProblem(reply, refusal);
  };
}

/** What a request calls its body is never looked at, and must not be what fastify fails it by. */
function callBody(request: FastifyRequest, name: string): void {
  const { headers } = request.raw;
  if (headers['content-type'] !== undefined) headers['content-type'] = name;
}

const begin: Guard = (request, reply, done) => {
  const refusal = hostMissing(request);
  if (refusal === undefined) done();
  else sendProblem(reply, refusal);
};

/** Makes a scope one that takes data in: bodies as bytes, readable from other origins, counted. */
function prepareIngest(
  scope: FastifyInstance,
  { config, cors, answers }: ApiContext,
  onError: ErrorHandler,
): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser([BYTES, '*'], { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  scope.addContentTypeParser(SMALL_BODY, (_request, body, done) => readSmallBody(body, done));
  const { body_bytes, chunk_bytes } = config.limits;
  const smallBytesMax = Math.min(body_bytes, chunk_bytes);
  scope.addHook('onRequest', (request, reply, done) => {
    cors.answerOrigin(request, reply);
    // Whoever chose a name wants to see it again; for the others it is one header less on the hot path.
    if (request.raw.headers[REQUEST_ID] !== undefined) nameAnswer(request, reply);
    callBody(request, isSmallBody(request.raw, smallBytesMax) ? SMALL_BODY : BYTES);
    begin(request, reply, done);
  });
  const bodies = createUnfinishedBodies();
  scope.addHook('preParsing', (request, _reply, _payload, done) => {
    bodies.watch(request.raw);
    done();
  });
  scope.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = onError(error, request, reply);
    const route = request.routeOptions.url === '/v1/events' ? 'events' : 'replay';
    answers.refused(route, request, reply, performance.now() - reply.elapsedTime, refusal.code);
  });
  for (const url of ['/v1/events', '/v1/replay']) {
    scope.options(url, cors.preflight);
  }
}

function addIngestRoutes(scope: FastifyInstance, context: ApiContext): void {
  eventsIngestRoute(scope, context);
  replayUploadRoute(scope, context);
}

/** The routes that ask for the password. */
function addGuardedRoutes(scope: FastifyInstance, context: ApiContext): void {
  questionRoutes(scope, context);
  chunkRoute(scope, context);
  streamRoute(scope, context);
  operatorRoutes(scope, context);
  eraseRoute(scope, context);
  auditRoute(scope, context);
}

/** Headers for the answers of a scope; the ingest routes do without. */
function guardHeaders(scope: FastifyInstance): void {
  scope.addHook('onRequest', (_request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    // Nor may another site's page have it as a picture or a script.
    reply.header('cross-origin-resource-policy', 'same-origin');
    reply.header('cache-control', 'no-store');
    done();
  });
}

const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);

/**
 * Times every answer but those of the ingest routes, and writes its line. It names the route's pattern: paths and queries
 * hold the ids of sessions and users.
 */
function observe(app: FastifyInstance, { metrics, log }: ApiContext): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { id: reqId, access } = request;
    const route = request.routeOptions.url ?? 'unknown';
    const method = KNOWN_METHODS.has(request.method) ? request.method : 'other';
    const { statusCode: status, elapsedTime } = reply;
    // A stream ends when its reader leaves, which says nothing of this server.
    if (route !== '/v1/stream') metrics.observeRequest(route, method, status, elapsedTime / 1_000);
    const line = { reqId, method, route, status, ms: Math.round(elapsedTime * 10) / 10, role: access?.role };
    log[levelOf(route, status)](line, 'answered');
    done();
  });
}

/** What somebody asks of the API is worth reading; probes, scrapes and files come all the time. */
function levelOf(route: string, status: number): 'warn' | 'info' | 'debug' {
  if (status >= 500) return 'warn';
  return route.startsWith('/v1/') ? 'info' : 'debug';
}

/** Ends the streams as closing begins, connections as they go idle, and whatever is left after `SHUTDOWN_MS`. */
function closeInTime(app: FastifyInstance, { stream }: ApiContext): void {
  const { server } = app;
  app.addHook('preClose', (done) => {
    stream.close();
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS).unref();
    const last = setTimeout(() => server.closeAllConnections(), SHUTDOWN_MS).unref();
    server.once('close', () => {
      clearInterval(idle);
      clearTimeout(last);
    });
    done();
  });
}
