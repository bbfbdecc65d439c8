---`:checkhealth slm_lsp`
local M = {}

local health = vim.health
local completor = require('slm_lsp.completor')
local server = require('slm_lsp.server')

local PATIENCE = 60000 -- Milliseconds that the server's own examination may take.

local INSTALL = {
  'Install it: `python3 -m venv .venv && .venv/bin/pip install -c constraints.txt -e .` in the checkout.',
  'Or say where it is: `require("slm_lsp").setup({ cmd = { "/path/to/slm-lsp" } })`.',
}

---Run the server's command with other arguments.
---@param command string[]
---@param argument string
---@return vim.SystemCompleted?
local function run(command, argument)
  local words = vim.list_slice(command, 1, #command - (command[#command] == 'serve' and 1 or 0))
  local ok, process = pcall(vim.system, vim.list_extend(words, { argument }), { text = true })
  return ok and process:wait(PATIENCE) or nil
end

local function check_neovim()
  if vim.fn.has('nvim-0.11') == 0 then
    health.error('Neovim 0.11 or later is needed.')
    return
  end
  health.ok('Neovim ' .. tostring(vim.version()))
  local builtin, why = completor.builtin()
  local whose = builtin and "Neovim's vim.lsp.inline_completion" or "the plugin's own, as " .. why
  health.info('Ghost text: ' .. whose)
end

local function check_server()
  local command, where = server.command()
  if not command then
    health.error('The server `slm-lsp` was not found on $PATH nor beside the plugin.', INSTALL)
    return
  end
  local version = run(command, '--version')
  if not version or version.code ~= 0 then
    health.error(('`%s` can not be run.'):format(table.concat(command, ' ')), INSTALL)
    return
  end
  health.ok(('%s, from %s'):format(vim.trim(version.stdout), where))
  local doctor = run(command, 'doctor')
  local told = doctor and vim.trim(doctor.stdout) or ''
  if doctor and doctor.code == 0 then
    health.ok('slm-lsp doctor found nothing wrong:\n' .. told)
  else
    health.warn('slm-lsp doctor:\n' .. told)
  end
end

local function check_clients()
  local clients = vim.lsp.get_clients({ name = server.NAME })
  if not next(clients) then
    health.info('It is attached to no buffer: open a file of one of the languages in the option `filetypes`.')
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_map(vim.api.nvim_buf_get_name, vim.tbl_keys(client.attached_buffers))
    health.ok(('Attached to %s; positions in %s'):format(table.concat(buffers, ', '), client.offset_encoding))
  end
end

function M.check()
  health.start('slm-lsp')
  check_neovim()
  check_server()
  check_clients()
end

return M
