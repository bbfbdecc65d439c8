---Keys of insert mode; a key whose action has nothing to act on does what it did before.
local M = {}

local api = vim.api

---Do what a key did before it was mapped here.
---@param key string
---@param before table<string, any> As |maparg()| gives it; empty if it was not mapped.
local function fall_through(key, before)
  local rhs = before.rhs or ''
  if before.callback then
    rhs = before.callback() or ''
    if before.expr ~= 1 then
      return
    end
  elseif before.expr == 1 then
    rhs = api.nvim_eval(rhs)
  elseif rhs == '' then
    rhs = key
  end
  if before.expr ~= 1 or before.replace_keycodes == 1 then
    rhs = api.nvim_replace_termcodes(rhs, true, true, true)
  end
  local remapped = next(before) and before.noremap ~= 1
  -- Before whatever is typed already, so that the order stays.
  api.nvim_feedkeys(rhs, remapped and 'im' or 'in', false)
end

---Map keys to actions.
---@param keys table<slm_lsp.Action, string>
---@param actions table<slm_lsp.Action, fun(): boolean>
function M.map(keys, actions)
  for action, key in pairs(keys) do
    local before = vim.fn.maparg(key, 'i', false, true)
    if not vim.startswith(before.desc or '', 'slm-lsp: ') then
      vim.keymap.set('i', key, function()
        if not actions[action]() then
          fall_through(key, before)
        end
      end, { desc = 'slm-lsp: ' .. action })
    end
  end
end

return M
