-- SPDX-License-Identifier: Apache-2.0
-- A session in Neovim without a screen, from 0.7: nvim --headless -u NONE -n -S editor.lua
-- The file, the command of the server and where to report come in the environment.

local report = io.open(os.getenv('EDITOR_REPORT'), 'w')
local function say(...)
  report:write(table.concat({ ... }, ' '), '\n')
  report:flush()
end

local function wait(what, condition)
  if not vim.wait(20000, condition, 10) then
    say('timeout:', what)
    vim.cmd('cquit 2')
  end
end

vim.cmd('edit ' .. vim.fn.fnameescape(os.getenv('EDITOR_FILE')))
local buffer = vim.api.nvim_get_current_buf()
local command = vim.split(os.getenv('EDITOR_SERVER'), '\n')
local config = { name = 'postern', cmd = command, root_dir = vim.fn.getcwd() }
local id
if vim.lsp.start then
  id = vim.lsp.start(config)
else
  id = vim.lsp.start_client(config)
  vim.lsp.buf_attach_client(buffer, id)
end
wait('the server', function() return vim.lsp.get_client_by_id(id).initialized end)
local client = vim.lsp.get_client_by_id(id)
say('encoding', client.offset_encoding)

local function diagnostics()
  local found = {}
  for _, d in ipairs(vim.diagnostic.get(buffer)) do
    table.insert(found, string.format('%s:%d:%d', d.code or d.user_data.lsp.code, d.lnum + 1, d.col + 1))
  end
  table.sort(found)
  return table.concat(found, ' ')
end

wait('diagnostics', function() return diagnostics() ~= '' end)
say('diagnostics', diagnostics())

local function request(method, params)
  local answer = client.request_sync(method, params, 20000, buffer)
  if not answer or answer.err then
    say('no answer to', method, vim.inspect(answer))
    vim.cmd('cquit 3')
  end
  return answer.result
end

local at = vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.INFO })[1]
vim.api.nvim_win_set_cursor(0, { at.lnum + 1, at.col })
local hover = request('textDocument/hover', vim.lsp.util.make_position_params(0, client.offset_encoding))
say('hover', (hover.contents.value:gsub('\n.*', '')))

local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
params.context = { diagnostics = {} }
local actions = request('textDocument/codeAction', params)
for _, action in ipairs(actions) do
  say('action', action.title)
end
vim.lsp.util.apply_workspace_edit(actions[1].edit, client.offset_encoding)
say('line', vim.api.nvim_buf_get_lines(buffer, at.lnum, at.lnum + 1, true)[1])
local before = diagnostics()
wait('diagnostics of the fixed text', function() return diagnostics() ~= before end)
say('diagnostics', diagnostics())

-- As typed: characters that UTF-16 counts twice, before the findings.
local one = diagnostics()
vim.api.nvim_buf_set_lines(buffer, 0, 0, true, { '/* 😀 */', '' })
wait('diagnostics of the longer text', function() return diagnostics() ~= one end)
say('diagnostics', diagnostics())
vim.lsp.stop_client(id)
wait('the end of the server', function() return vim.lsp.get_client_by_id(id) == nil end)
say('stopped')
vim.cmd('qall!')
