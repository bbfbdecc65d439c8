---What the plugin does its own way with a buffer's completor, be it Neovim's or its own: what is drawn, and what
---is put into the buffer.
local M = {}

local api = vim.api
local asking = require('slm_lsp.asking')
local paint = require('slm_lsp.paint')
local text = require('slm_lsp.text')
local server = require('slm_lsp.server')
local status = require('slm_lsp.status')

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
  if not (self.current and self.slm_chosen and asking.typing(self)) then
    return nil
  end
  local row, col, line = asking.cursor()
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
  local row, col = asking.cursor()
  paint.paint(self.bufnr, row, col, rest, hint)
end

---Put a part of a suggestion at the cursor, as a change of its own to undo.
---@param self slm_lsp.Completor
---@param rest slm_lsp.Rest
---@param piece string
local function insert(self, rest, piece)
  local row, col = asking.cursor()
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
  local row, col = asking.cursor()
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
  self:request(asking.INVOKED, done)
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

---Ask again, for a model that was not ready may be so now.
---@param self? slm_lsp.Completor
function M.look_again(self)
  if self and not M.rest(self) then
    self.slm_seen = nil
    self:automatic_request()
  end
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
  completor.automatic_request = asking.automatic_request
  completor.request = asking.request
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
