-- A server in Neovim itself that says what a test wants. `scripted.answer` is called with the text before and
-- after the cursor in its line, the position and the trigger; `scripted.commands` has what was executed,
-- but for `slm-lsp.focus` and `slm-lsp.cursor`, the last of which are in `scripted.focus` and `scripted.cursor`.
-- Suggestions come after `scripted.delay` ms, or if
-- `scripted.held` is a list, once `scripted.release()` is called.
local scripted = { answer = function() end, commands = {}, asked = 0, cancelled = 0, delay = 0 }
_G.scripted = scripted

function scripted.release()
  for _, answer in ipairs(scripted.held) do
    answer()
  end
  scripted.held = nil
end

local function item(one, index)
  one = type(one) == 'string' and { insertText = one } or one
  one.command = { title = 'Accept', command = 'slm-lsp.accepted', arguments = { 'item' .. index } }
  return one
end

local methods = {}

methods['initialize'] = function()
  return {
    capabilities = {
      positionEncoding = scripted.encoding or 'utf-16',
      textDocumentSync = 2,
      inlineCompletionProvider = true,
      executeCommandProvider = { commands = { 'slm-lsp.accepted' } },
    },
  }
end

methods['textDocument/inlineCompletion'] = function(params)
  scripted.asked = scripted.asked + 1
  local line = vim.api.nvim_buf_get_lines(0, params.position.line, params.position.line + 1, false)[1]
  local col = vim.str_byteindex(line, scripted.encoding or 'utf-16', params.position.character)
  local items = scripted.answer(line:sub(1, col), line:sub(col + 1), params.position, params.context.triggerKind)
  local found = {}
  for index, one in ipairs(items or {}) do
    found[index] = item(one, index)
  end
  return { items = found }
end

methods['workspace/executeCommand'] = function(params)
  if params.command == 'slm-lsp.status' then
    return { state = 'ready', snoozed = 0 }
  elseif params.command == 'slm-lsp.focus' then
    scripted.focus = params.arguments
  elseif params.command == 'slm-lsp.cursor' then
    scripted.cursor = params.arguments
  else
    table.insert(scripted.commands, { params.command, unpack(params.arguments or {}) })
  end
  return vim.NIL
end

vim.lsp.config('slm-lsp', {
  cmd = function(dispatchers)
    local closing, number = false, 0
    return {
      request = function(method, params, callback, replied)
        number = number + 1
        local id = number
        local result = (methods[method] or function() return vim.NIL end)(params)
        local function answer()
          callback(nil, result)
          if replied then
            replied(id)
          end
        end
        if method ~= 'textDocument/inlineCompletion' then
          vim.schedule(answer)
        elseif scripted.held then
          table.insert(scripted.held, answer)
        else
          vim.defer_fn(answer, scripted.delay)
        end
        return true, id
      end,
      notify = function(method)
        scripted.cancelled = scripted.cancelled + (method == '$/cancelRequest' and 1 or 0)
        if method == 'exit' then
          dispatchers.on_exit(0, 0)
        end
        return true
      end,
      is_closing = function()
        return closing
      end,
      terminate = function()
        closing = true
      end,
    }
  end,
})
