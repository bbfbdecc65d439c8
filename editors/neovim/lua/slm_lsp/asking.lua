---When a completor asks, and which answers count.
local M = {}

local api = vim.api
local status = require('slm_lsp.status')

local METHOD = 'textDocument/inlineCompletion'
M.INVOKED, M.AUTOMATIC = 1, 2 -- The protocol's `InlineCompletionTriggerKind`.

---@class slm_lsp.Chosen The item that is selected.
---@field item lsp.InlineCompletionItem
---@field client_id integer
---@field anchor slm_lsp.Anchor
---@field index integer

---@class slm_lsp.Answer Where the cursor was when an answer was asked for.
---@field row integer
---@field col integer
---@field line string

---@class slm_lsp.Completor What `vim.lsp.inline_completion` has for a buffer, as far as it is used here.
---@field bufnr integer
---@field augroup integer
---@field client_state table<integer, { items?: lsp.InlineCompletionItem[] }>
---@field current? table
---@field get_item fun(self: slm_lsp.Completor, index: integer): integer?, lsp.InlineCompletionItem?
---@field count_items fun(self: slm_lsp.Completor): integer
---@field handler fun(self: slm_lsp.Completor, err: any, result: any, ctx: table)
---@field select fun(self: slm_lsp.Completor, index: integer, show_index?: boolean)
---@field request fun(self: slm_lsp.Completor, kind: integer, done?: fun())
---@field show fun(self: slm_lsp.Completor, hint?: string)
---@field hide fun(self: slm_lsp.Completor)
---@field abort fun(self: slm_lsp.Completor)
---@field destroy fun(self: slm_lsp.Completor)
---@field automatic_request fun(self: slm_lsp.Completor)
---@field accept fun(self: slm_lsp.Completor, item: table)
---@field slm_chosen? slm_lsp.Chosen
---@field slm_seen? string The text and cursor that were asked about last.
---@field slm_pending table<integer, integer> The newest request of each client.
---@field slm_asked table<integer, slm_lsp.Answer> What the newest answer of each client is about.

---@param self slm_lsp.Completor
---@return boolean
function M.typing(self)
  return api.nvim_get_current_buf() == self.bufnr and api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

---@return integer row From 0.
---@return integer col In bytes.
---@return string line
function M.cursor()
  local at = api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2], api.nvim_get_current_line()
end

---Ask anew after a change of the text or of the cursor; what is shown stays if it is what is being typed.
---@param self slm_lsp.Completor
function M.automatic_request(self)
  if not M.typing(self) then
    return
  end
  local row, col = M.cursor()
  local seen = ('%d:%d:%d'):format(api.nvim_buf_get_changedtick(self.bufnr), row, col)
  if seen == self.slm_seen then
    return
  end
  self.slm_seen = seen
  self:show()
  self:request(M.AUTOMATIC)
end

---Ask one client; only its newest answer counts.
---@param self slm_lsp.Completor
---@param client vim.lsp.Client
---@param kind integer
---@param done? fun()
local function ask(self, client, kind, done)
  local row, col, line = M.cursor()
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  ---@diagnostic disable-next-line: inject-field
  params.context = { triggerKind = kind }
  local before, started = self.slm_pending[client.id], vim.uv.hrtime()
  local request ---@type integer?
  local function answered(err, result, ctx)
    if self.slm_pending[client.id] ~= request then
      return
    end
    self.slm_pending[client.id] = nil
    if not M.typing(self) or not self.client_state[client.id] then
      return
    end
    status.answered((vim.uv.hrtime() - started) / 1e6)
    self.slm_asked[client.id] = { row = row, col = col, line = line }
    self:handler(nil, not err and result or { items = {} }, ctx)
    if done then
      done()
    end
  end
  request = select(2, client:request(METHOD, params, answered, self.bufnr))
  self.slm_pending[client.id] = request
  status.changed()
  if before then
    -- After the new one, so that the server goes on with what it writes if that still fits.
    client:cancel_request(before)
  end
end

---Ask all clients for the cursor's place.
---@param self slm_lsp.Completor
---@param kind integer 1 if the user asked for it, 2 if not.
---@param done? fun() Called after each answer.
function M.request(self, kind, done)
  if not M.typing(self) then
    return
  end
  for id in pairs(self.client_state) do
    local client = vim.lsp.get_client_by_id(id)
    if client and not client:is_stopped() then
      ask(self, client, kind, done)
    end
  end
end

return M
