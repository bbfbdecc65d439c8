---The completor of a buffer: Neovim's own where there is one, else one of the same shape.
local M = {}

local api = vim.api
local ghost = require('slm_lsp.ghost')
local options = require('slm_lsp.options')

---What Neovim's own completor must have to be used; it is not part of Neovim's documented interface.
local SHAPE = {
  'abort',
  'accept',
  'automatic_request',
  'count_items',
  'destroy',
  'get_item',
  'handler',
  'hide',
  'request',
  'select',
  'show',
}

---@type table<integer, slm_lsp.Completor> The plugin's own, by buffer.
local own = {}

---@class slm_lsp.Own: slm_lsp.Completor
local Own = {}
Own.__index = Own

---@return integer?, lsp.InlineCompletionItem?
function Own:get_item(index)
  for _, id in ipairs(vim.fn.sort(vim.tbl_keys(self.client_state), 'n')) do
    local items = self.client_state[id].items or {}
    if index <= #items then
      return id, items[index]
    end
    index = index - #items
  end
end

function Own:count_items()
  local count = 0
  for _, state in pairs(self.client_state) do
    count = count + #(state.items or {})
  end
  return count
end

function Own:handler(_, result, ctx)
  self.client_state[ctx.client_id].items = result and (result.items or result) or {}
  self:select(1)
end

function Own:select(index, show_index)
  self.current = self.slm_chosen and { index = index }
  self:show(show_index and (' (%d/%d)'):format(index, self:count_items()) or nil)
end

function Own:hide() end

function Own:abort() end

function Own:destroy()
  api.nvim_del_augroup_by_id(self.augroup)
end

---@return table? class Neovim's own, if it is of the shape that is known here.
local function builtin_class()
  local ok, capability = pcall(require, 'vim.lsp._capability')
  local class = ok and vim.tbl_get(capability, 'all', 'inline_completion')
  if type(class) ~= 'table' or type(class.active) ~= 'table' or not vim.lsp.inline_completion then
    return nil
  end
  for _, name in ipairs(SHAPE) do
    if type(class[name]) ~= 'function' then
      return nil
    end
  end
  return class
end

---Return whether Neovim's own machinery is used, and if not, why.
---@return boolean
---@return string
function M.builtin()
  if options.current.ghost == 'own' then
    return false, 'the option `ghost` is "own"'
  elseif vim.fn.has('nvim-0.12') == 0 then
    return false, 'Neovim before 0.12 has none'
  elseif not builtin_class() then
    return false, "this Neovim's vim.lsp.inline_completion is not one that is known"
  end
  return true, ''
end

---Return the buffer's completor, if a client is attached.
---@param bufnr? integer
---@return slm_lsp.Completor?
function M.of(bufnr)
  bufnr = bufnr and bufnr ~= 0 and bufnr or api.nvim_get_current_buf()
  local class = M.builtin() and builtin_class()
  local completor = class and class.active[bufnr] or own[bufnr]
  if class and completor and not rawget(completor, 'slm_pending') then
    ghost.take_over(completor)
  end
  return completor
end

---Begin with a client in a buffer.
---@param client vim.lsp.Client
---@param bufnr integer
function M.attach(client, bufnr)
  if M.builtin() then
    vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
    -- Neovim makes its completor in the next turn of the event loop.
    vim.schedule(vim.schedule_wrap(function()
      M.of(bufnr)
    end))
    return
  end
  if vim.lsp.inline_completion then
    vim.lsp.inline_completion.enable(false, { client_id = client.id })
  end
  local completor = own[bufnr]
  if not completor then
    local group = api.nvim_create_augroup('slm_lsp.completor:' .. bufnr, { clear = true })
    completor = setmetatable({ bufnr = bufnr, augroup = group, client_state = {} }, Own)
    own[bufnr] = ghost.take_over(completor)
  end
  completor.client_state[client.id] = {}
end

---End with a client in a buffer.
---@param client_id integer
---@param bufnr integer
function M.detach(client_id, bufnr)
  local completor = own[bufnr]
  if not completor then
    return
  end
  completor.client_state[client_id] = nil
  if next(completor.client_state) == nil then
    own[bufnr] = nil
    completor:destroy()
  end
end

return M
