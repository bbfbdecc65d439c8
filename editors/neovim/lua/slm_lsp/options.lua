---What the user may set, with defaults.
local M = {}

---@class slm_lsp.Options
---@field cmd? string[] How the server is started; found by itself if not given.
---@field filetypes string[] Where the server is attached.
---@field settings table<string, any> The server's own settings, as in the README's table.
---@field ghost 'auto'|'own' Whose ghost text: Neovim 0.12's own machinery if there is one, or the plugin's.
---@field keys table<slm_lsp.Action, string> Keys of insert mode.
---@field restarts integer How often in a row a server that died is started again.

---@alias slm_lsp.Action 'accept'|'accept_word'|'accept_line'|'next'|'previous'|'dismiss'|'trigger'

---@type slm_lsp.Action[]
M.actions = { 'accept', 'accept_word', 'accept_line', 'next', 'previous', 'dismiss', 'trigger' }

---@type slm_lsp.Options
local defaults = {
  filetypes = vim.split(
    'bash c clojure cmake cpp cs css cuda d dart dockerfile elixir elm erlang fish go graphql haskell '
      .. 'html java javascript javascriptreact julia kotlin less lua make nim nix objc ocaml perl php proto '
      .. 'ps1 python r ruby rust scala scss sh sql svelte swift terraform toml typescript typescriptreact '
      .. 'vim vue yaml zig zsh',
    ' '
  ),
  settings = {},
  ghost = 'auto',
  keys = {},
  restarts = 5,
}

---@type slm_lsp.Options
M.current = vim.deepcopy(defaults)

---Return an error for a value that no option can have, or nil.
---@param given table<string, any>
---@return string?
local function complaint(given)
  local kinds = {
    cmd = 'table',
    filetypes = 'table',
    settings = 'table',
    ghost = 'string',
    keys = 'table',
    restarts = 'number',
  }
  for name, value in pairs(given) do
    if not kinds[name] then
      return ('slm-lsp has no option `%s`; see :help slm-lsp-options.'):format(name)
    elseif type(value) ~= kinds[name] then
      return ('The option `%s` of slm-lsp must be a %s.'):format(name, kinds[name])
    end
  end
  if given.ghost and not vim.list_contains({ 'auto', 'own' }, given.ghost) then
    return 'The option `ghost` of slm-lsp must be "auto" or "own".'
  end
  for action in pairs(given.keys or {}) do
    if not vim.list_contains(M.actions, action) then
      return ('slm-lsp has no action `%s` for a key; see :help slm-lsp-keys.'):format(action)
    end
  end
end

---Take the user's options over the defaults.
---@param given? table<string, any>
---@return slm_lsp.Options
function M.take(given)
  given = given or {}
  local wrong = complaint(given)
  if wrong then
    error(wrong, 0)
  end
  M.current = vim.tbl_extend('force', vim.deepcopy(defaults), given)
  return M.current
end

return M
