// SPDX-License-Identifier: Apache-2.0
// dockerode's transport prints every request and answer to stderr when DEBUG names it, and express prints
// paths. What coffer prints is its logger's business alone, so the variable is gone before either is loaded.
delete process.env['DEBUG'];
