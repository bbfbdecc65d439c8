---The server: where it is, how it is started, and how it comes back.
local M = {}

local api = vim.api
local options = require('slm_lsp.options')

M.NAME = 'slm-lsp'

local FIRST_PAUSE = 500 -- Milliseconds before a server that died is started again; doubled each time.
local STABLE = 60 -- Seconds that a server must have lived for its end to count as the first again.

---Languages whose id is not Neovim's filetype; the ids are those of the LSP specification.
local IDS = {
  bash = 'shellscript',
  cs = 'csharp',
  cuda = 'cuda-cpp',
  make = 'makefile',
  objc = 'objective-c',
  proto = 'proto3',
  ps1 = 'powershell',
  sh = 'shellscript',
  vim = 'viml',
  zsh = 'shellscript',
}

local attempts, last_end = 0, 0
local attached = {} ---@type table<integer, true> Buffers that have, or had, a client.
local leaving = false

---@param message string
function M.warn(message)
  vim.notify(message, vim.log.levels.WARN)
end

---Return the command that starts the server, and where it was found.
---@return string[]? command
---@return string where
function M.command()
  local given = options.current.cmd
  if given then
    return given, 'the option `cmd`'
  elseif vim.fn.executable('slm-lsp') == 1 then
    return { 'slm-lsp' }, '$PATH'
  end
  local here = debug.getinfo(1, 'S').source:sub(2)
  local checkout = vim.fs.normalize(vim.fs.joinpath(vim.fs.dirname(here), '../../../..'))
  for _, inner in ipairs({ '.venv/bin/slm-lsp', '.venv/Scripts/slm-lsp.exe' }) do
    local path = vim.fs.joinpath(checkout, inner)
    if vim.fn.executable(path) == 1 then
      return { path }, 'the environment beside the plugin'
    end
  end
  return nil, ''
end

---Return the client of a buffer.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.client(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr or 0, name = M.NAME })[1]
end

---Let a server run a command.
---@param client vim.lsp.Client
---@param command string
---@param arguments? any[]
---@param answered? fun(result: any)
---@param failed? fun(message: string) If not given, an error goes to the log.
function M.execute(client, command, arguments, answered, failed)
  local params = { command = command, arguments = arguments }
  client:request('workspace/executeCommand', params, function(err, result)
    if err and failed then
      failed(err.message)
    elseif err then
      vim.lsp.log.error(M.NAME, command, err)
    elseif answered then
      answered(result)
    end
  end)
end

---Start the server again in the buffers that it was in.
local function revive()
  for bufnr in pairs(attached) do
    if api.nvim_buf_is_loaded(bufnr) then
      api.nvim_exec_autocmds('FileType', { group = 'nvim.lsp.enable', buffer = bufnr, modeline = false })
    else
      attached[bufnr] = nil
    end
  end
end

---Take note that a server ended, and start it again unless that was wanted.
---@param code integer
---@param signal integer
local function ended(code, signal)
  -- 15 is how Neovim ends a server that is to be stopped by force.
  if leaving or (code == 0 and signal == 0) or signal == 15 then
    return
  end
  attempts = os.time() - last_end > STABLE and 0 or attempts
  last_end = os.time()
  attempts = attempts + 1
  vim.schedule(function()
    if attempts > options.current.restarts then
      M.warn('slm-lsp has ended several times in a row; `:checkhealth slm_lsp` may say why.')
      return
    end
    vim.defer_fn(revive, FIRST_PAUSE * 2 ^ (attempts - 1))
  end)
end

---Stop the server and start it anew.
function M.restart()
  attempts = 0
  local clients = vim.lsp.get_clients({ name = M.NAME })
  for _, client in ipairs(clients) do
    client:stop()
  end
  local function wait(left)
    if left > 0 and #vim.lsp.get_clients({ name = M.NAME }) > 0 then
      return vim.defer_fn(function()
        wait(left - 1)
      end, 50)
    end
    revive()
  end
  wait(100)
end

---Change settings of the server; they take effect at once.
---@param change fun(settings: table<string, any>)
function M.configure(change)
  change(options.current.settings)
  local settings = { [M.NAME] = options.current.settings }
  vim.lsp.config(M.NAME, { settings = settings })
  for _, client in ipairs(vim.lsp.get_clients({ name = M.NAME })) do
    client.settings = settings
    client:notify('workspace/didChangeConfiguration', { settings = settings })
  end
end

---Tell the server which buffer has the focus, and whether text is selected in it.
local function tell_focus()
  local client = M.client()
  if client and client.initialized then
    local selecting = api.nvim_get_mode().mode:find('^[vVsS\22\19]') ~= nil
    M.execute(client, 'slm-lsp.focus', { vim.uri_from_bufnr(0), selecting })
  end
end

---Milliseconds after which a cursor that has not moved rests.
local REST = 100

local rest = assert(vim.uv.new_timer())

---Tell the server where the cursor is, once it rests there.
local function cursor_moved()
  rest:start(
    REST,
    0,
    vim.schedule_wrap(function()
      local client = M.client()
      if client and client.initialized then
        local place = vim.lsp.util.make_position_params(0, client.offset_encoding)
        M.execute(client, 'slm-lsp.cursor', { place.textDocument.uri, place.position })
      end
    end)
  )
end

---Configure the server for Neovim's own client, and enable it.
---@return boolean found
function M.enable()
  local command = M.command()
  if not command then
    M.warn('slm-lsp: no server was found; `:checkhealth slm_lsp` says how to install it.')
    return false
  end
  vim.lsp.config(M.NAME, {
    cmd = command,
    filetypes = options.current.filetypes,
    root_markers = { '.git' },
    settings = { [M.NAME] = options.current.settings },
    -- All of them are the user's own: Neovim asks before it runs a project's own Lua.
    init_options = vim.tbl_extend('force', options.current.settings, { trusted = true }),
    capabilities = { textDocument = { inlineCompletion = { dynamicRegistration = false } } },
    get_language_id = function(_, filetype)
      return IDS[filetype] or filetype
    end,
    on_exit = ended,
  })
  local group = api.nvim_create_augroup('slm_lsp.server', { clear = true })
  api.nvim_create_autocmd('VimLeavePre', {
    group = group,
    callback = function()
      leaving = true
    end,
  })
  api.nvim_create_autocmd('LspAttach', {
    group = group,
    callback = function(event)
      local client = vim.lsp.get_client_by_id(event.data.client_id)
      if client and client.name == M.NAME then
        attached[event.buf] = true
        tell_focus()
        cursor_moved()
      end
    end,
  })
  api.nvim_create_autocmd({ 'BufEnter', 'FocusGained' }, { group = group, callback = tell_focus })
  local moves = { 'BufEnter', 'CursorMoved', 'CursorMovedI' }
  api.nvim_create_autocmd(moves, { group = group, callback = cursor_moved })
  api.nvim_create_autocmd('ModeChanged', {
    group = group,
    pattern = { '[^vVsS\22\19]*:[vVsS\22\19]*', '[vVsS\22\19]*:[^vVsS\22\19]*' },
    callback = tell_focus,
  })
  vim.lsp.enable(M.NAME)
  return true
end

return M
