---What the plugin does its own way with a buffer's completor, be it Neovim's or its own: when it asks, what
---it draws, and what it puts into the buffer.
local M = {}

local api = vim.api
local paint = require('slm_lsp.paint')
local text = require('slm_lsp.text')
local server = require('slm_lsp.server')
local status = require('slm_lsp.status')

local METHOD = 'textDocument/inlineCompletion'
local INVOKED, AUTOMATIC = 1, 2

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
local function typing(self)
  return api.nvim_get_current_buf() == self.bufnr and api.nvim_get_mode().mode:sub(1, 1) == 'i'
end

---@return integer row From 0.
---@return integer col In bytes.
---@return string line
local function cursor()
  local at = api.nvim_win_get_cursor(0)
  return at[1] - 1, at[2], api.nvim_get_current_line()
end

---Ask anew after a change of the text or of the cursor; what is shown stays if it is what is being typed.
---@param self slm_lsp.Completor
local function automatic_request(self)
  if not typing(self) then
    return
  end
  local row, col = cursor()
  local seen = ('%d:%d:%d'):format(api.nvim_buf_get_changedtick(self.bufnr), row, col)
  if seen == self.slm_seen then
    return
  end
  self.slm_seen = seen
  self:show()
  self:request(AUTOMATIC)
end

---Ask one client; only its newest answer counts.
---@param self slm_lsp.Completor
---@param client vim.lsp.Client
---@param kind integer
---@param done? fun()
local function ask(self, client, kind, done)
  local row, col, line = cursor()
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
    if not typing(self) or not self.client_state[client.id] then
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
local function request(self, kind, done)
  if not typing(self) then
    return
  end
  for id in pairs(self.client_state) do
    local client = vim.lsp.get_client_by_id(id)
    if client and not client:is_stopped() then
      ask(self, client, kind, done)
    end
  end
end

---Take note of the item that is selected, and of its place, before it is drawn.
---@param self slm_lsp.Completor
---@param index integer
local function choose(self, index)
  local client_id, item = self:get_item(index)
  local asked = client_id and self.slm_asked[client_id]
  self.slm_chosen = nil
  if item and asked and client_id then
    local encoding = assert(vim.lsp.get_client_by_id(client_id)).offset_encoding
    local anchor = text.anchor(item, asked.line, asked.row, asked.col, encoding)
    self.slm_chosen = anchor and { item = item, client_id = client_id, anchor = anchor, index = index }
  end
end

---Return what of the selected item is left to be typed, or nil if nothing of it is shown.
---@param self slm_lsp.Completor
---@return slm_lsp.Rest?
function M.rest(self)
  if not (self.current and self.slm_chosen and typing(self)) then
    return nil
  end
  local row, col, line = cursor()
  return text.rest(self.slm_chosen.anchor, line, row, col)
end

---Draw the selected item, or nothing if the text does not go on as it says.
---@param self slm_lsp.Completor
---@param hint? string
local function show(self, hint)
  self:hide()
  local rest = M.rest(self)
  if not rest then
    self.current = nil
    return
  end
  local row, col = cursor()
  paint.paint(self.bufnr, row, col, rest, hint)
end

---Put a part of a suggestion at the cursor, as a change of its own to undo.
---@param self slm_lsp.Completor
---@param rest slm_lsp.Rest
---@param piece string
local function insert(self, rest, piece)
  local row, col = cursor()
  local lines = vim.split(piece, '\n', { plain = true })
  vim.cmd('let &g:undolevels = &g:undolevels')
  api.nvim_buf_set_text(self.bufnr, row, col, row, col + text.covered(rest, piece), lines)
  local last = #lines[#lines]
  api.nvim_win_set_cursor(0, { row + #lines, #lines == 1 and col + last or last })
end

---Accept the selected item or a part of it, and tell its server.
---@param self slm_lsp.Completor
---@param part 'whole'|'line'|'word'
---@return boolean accepted False if nothing is shown.
function M.accept(self, part)
  local rest, chosen = M.rest(self), self.slm_chosen
  if not rest or not chosen then
    return false
  end
  local piece = text.part(rest.text, part)
  insert(self, rest, piece)
  local client = vim.lsp.get_client_by_id(chosen.client_id)
  if #piece == #rest.text then
    self:abort()
    if client and chosen.item.command then
      server.execute(client, chosen.item.command.command, chosen.item.command.arguments)
    end
    return true
  end
  local row, col = cursor()
  chosen.anchor = text.advanced(chosen.anchor, rest, piece, row, col)
  self:show()
  if client and client.name == server.NAME then
    local id = chosen.item.command.arguments[1]
    server.execute(client, 'slm-lsp.accepted', { id, part, vim.fn.strchars(piece) })
  end
  return true
end

---Take the selected item off the screen, and tell its server that it is not wanted.
---@param self slm_lsp.Completor
---@return boolean dismissed False if nothing is shown.
function M.dismiss(self)
  local chosen = self.slm_chosen
  if not chosen or not M.rest(self) then
    return false
  end
  self:abort()
  local client = vim.lsp.get_client_by_id(chosen.client_id)
  if client and client.name == server.NAME then
    server.execute(client, 'slm-lsp.rejected', { chosen.item.command.arguments[1] })
  end
  return true
end

---Ask because the user wants it.
---@param self slm_lsp.Completor
---@param done? fun()
function M.trigger(self, done)
  self:request(INVOKED, done)
end

---Show another of the items; the others are asked for first if there is but one.
---@param self slm_lsp.Completor
---@param step integer 1 or -1.
---@return boolean moved False if nothing is shown.
function M.step(self, step)
  local chosen = self.slm_chosen
  if not chosen or not M.rest(self) then
    return false
  end
  local function move()
    local count = self:count_items()
    if count > 0 then
      self:select((chosen.index + step - 1) % count + 1, true)
    end
  end
  if self:count_items() > 1 then
    move()
  else
    M.trigger(self, move)
  end
  return true
end

---Let a completor follow the text in a buffer.
---@param completor slm_lsp.Completor
---@param group integer
local function follow(completor, group)
  local function look()
    completor:automatic_request()
  end
  api.nvim_create_autocmd({ 'CursorMovedI', 'TextChangedI', 'TextChangedP' }, {
    group = group,
    buffer = completor.bufnr,
    callback = look,
  })
  api.nvim_create_autocmd('InsertEnter', {
    group = group,
    buffer = completor.bufnr,
    -- When the event comes, the mode and the cursor are still what they were.
    callback = vim.schedule_wrap(look),
  })
  api.nvim_create_autocmd('InsertLeave', {
    group = group,
    buffer = completor.bufnr,
    callback = function()
      completor:abort()
    end,
  })
end

---Make a completor ask, draw and accept in this way.
---@param completor slm_lsp.Completor
---@return slm_lsp.Completor
function M.take_over(completor)
  local choose_drawn, hide = completor.select, completor.hide
  local abort, destroy = completor.abort, completor.destroy
  completor.slm_pending, completor.slm_asked = {}, {}
  completor.automatic_request = automatic_request
  completor.request = request
  completor.show = show
  completor.select = function(self, index, show_index)
    choose(self, index)
    choose_drawn(self, index, show_index)
  end
  completor.hide = function(self)
    paint.clear(self.bufnr)
    hide(self)
  end
  completor.abort = function(self)
    for id, pending in pairs(self.slm_pending) do
      local client = vim.lsp.get_client_by_id(id)
      if client then
        client:cancel_request(pending)
      end
    end
    self.slm_pending, self.slm_seen = {}, nil
    abort(self)
    self:hide()
    self.current = nil
    status.changed()
  end
  completor.destroy = function(self)
    paint.clear(self.bufnr)
    destroy(self)
  end
  ---Accept as `vim.lsp.inline_completion.get` does it: the item was taken off the screen before.
  completor.accept = function(self, item)
    self.current = item
    M.accept(self, 'whole')
  end
  follow(completor, completor.augroup)
  return completor
end

return M
