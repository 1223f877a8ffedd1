"""Lesson 2: right answers in other styles. Each stands by itself, as a student would hand it in."""

import torch
import torch.nn.functional as F

from course.mistakes import attempt
from lib.lowering import inputs_lowering, output_size, weight_lowering
from lib.sizes import axes, pair


@attempt("output_size", name="counts the positions")
def counted(size, kernel_size, stride=1, padding=0, dilation=1):
    if padding < 0 or min(kernel_size, stride, dilation) < 1:
        raise ValueError("padding starts at 0, the other sizes at 1")
    last = size + 2 * padding - dilation * (kernel_size - 1)
    if last < 1:
        raise ValueError("the kernel does not fit")
    return len(range(0, last, stride))


@attempt("output_size", name="asserts, then adds before it divides")
def asserted(size, kernel_size, stride=1, padding=0, dilation=1):
    assert padding >= 0, "padding is negative"
    assert kernel_size > 0 and stride > 0 and dilation > 0
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    assert room >= 0, "the kernel is longer than the padded side"
    return (room + stride) // stride


@attempt("weight_lowering", name="flatten")
def flattened(weights):
    if weights.dim() != 4:
        raise ValueError("weights have four axes")
    return weights.flatten(1)


@attempt("weight_lowering", name="kernel by kernel, contiguous view")
def stacked(weights):
    _, c, kh, kw = weights.shape
    return torch.stack([kernel.contiguous().view(c * kh * kw) for kernel in weights])


@attempt("inputs_lowering", name="zeros and slices")
def zeros_and_slices(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = axes(inputs, "N, C, H, W")
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded = torch.zeros(n, c, h + 2 * ph, w + 2 * pw, dtype=inputs.dtype, device=inputs.device)
    padded[..., ph : ph + h, pw : pw + w] = inputs
    taps = [
        padded[:, :, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
        for i in range(kh)
        for j in range(kw)
    ]
    return torch.stack(taps).permute(2, 0, 1, 3, 4).reshape(c * kh * kw, n * oh * ow)


@attempt("inputs_lowering", name="as_strided")
def strided_view(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = inputs.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded = F.pad(inputs, (pw, pw, ph, ph))
    a, b, y, x = padded.stride()
    view = padded.as_strided((c, kh, kw, n, oh, ow), (b, dh * y, dw * x, a, sh * y, sw * x))
    return view.reshape(c * kh * kw, -1)


@attempt("inputs_lowering", name="unfold of a tensor")
def unfolded(inputs, kernel_size, stride=1, padding=0, dilation=1):
    _, c, h, w = inputs.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    assert output_size(h, kh, sh, ph, dh) > 0 and output_size(w, kw, sw, pw, dw) > 0  # and refuse bad sizes
    padded = F.pad(inputs, (pw, pw, ph, ph))
    windows = padded.unfold(2, dh * (kh - 1) + 1, sh).unfold(3, dw * (kw - 1) + 1, sw)
    windows = windows[..., ::dh, ::dw]  # (N, C, OH, OW, KH, KW)
    return windows.permute(1, 4, 5, 0, 2, 3).reshape(c * kh * kw, -1)


@attempt("inputs_lowering", name="one fancy index")
def indexed(inputs, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = inputs.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    rows = torch.arange(kh).view(kh, 1, 1, 1) * dh + torch.arange(oh).view(1, 1, oh, 1) * sh
    columns = torch.arange(kw).view(1, kw, 1, 1) * dw + torch.arange(ow).view(1, 1, 1, ow) * sw
    taps = F.pad(inputs, (pw, pw, ph, ph))[:, :, rows, columns]
    return taps.movedim(0, 3).reshape(c * kh * kw, n * oh * ow)


@attempt("inputs_lowering", name="window by window, as the definition says")
def window_by_window(inputs, kernel_size, stride=1, padding=0, dilation=1):
    h, w = axes(inputs, "N, C, H, W")[2:]
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    padded = F.pad(inputs, (pw, pw, ph, ph))
    columns = []
    for image in padded:
        for top in range(0, oh * sh, sh):
            for left in range(0, ow * sw, sw):
                window = image[:, top : top + dh * kh : dh, left : left + dw * kw : dw]
                columns.append(window[:, :kh, :kw].reshape(-1))
    return torch.stack(columns, dim=1)


@attempt("inputs_lowering", name="row by row into an empty matrix, one image and one channel at a time")
def row_by_row(inputs, kernel_size, stride=1, padding=0, dilation=1):
    assert inputs.ndim == 4, f"inputs has {inputs.ndim} axes"
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    n, c, h, w = inputs.shape
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    lowered = torch.empty(c * kh * kw, n * oh * ow, dtype=inputs.dtype)
    padded = F.pad(inputs, (pw, pw, ph, ph))
    for row in range(c * kh * kw):
        top, left = row // kw % kh * dh, row % kw * dw
        for i in range(n):
            seen = padded[i, row // (kh * kw), top : top + oh * sh : sh, left : left + ow * sw : sw]
            lowered[row, i * oh * ow : (i + 1) * oh * ow] = seen.flatten()
    return lowered


@attempt("outputs_lifting", name="permute")
def permuted(outputs, batch, height, width):
    if outputs.dim() != 2:
        raise ValueError("outputs is no matrix")
    return outputs.unflatten(1, (batch, height, width)).permute(1, 0, 2, 3)


@attempt("outputs_lifting", name="a view: splitting an axis never needs a copy")
def view_is_enough(outputs, batch, height, width):
    channels, _ = outputs.shape
    return outputs.view(channels, batch, height, width).transpose(1, 0)


@attempt("outputs_lifting", name="image by image, contiguous")
def images_stacked(outputs, batch, height, width):
    assert outputs.ndim == 2, "outputs has two axes"
    return torch.stack([part.reshape(-1, height, width) for part in outputs.chunk(batch, dim=1)])


@attempt("outputs_lifting", name="from the transposed matrix")
def from_the_transpose(outputs, batch, height, width):
    _, _ = axes(outputs, "O, N·OH·OW")
    return outputs.T.reshape(batch, height, width, -1).permute(0, 3, 1, 2).contiguous()


@attempt("conv2d", name="the transposed product")
def transposed_product(inputs, weights, stride=1, padding=0, dilation=1, matmul=torch.matmul):
    n, c, h, w = inputs.shape
    o, channels, kh, kw = weights.shape
    assert c == channels, f"{c} channels in, {channels} in the kernel"
    oh = output_size(h, kh, pair(stride)[0], pair(padding)[0], pair(dilation)[0])
    ow = output_size(w, kw, pair(stride)[1], pair(padding)[1], pair(dilation)[1])
    columns = inputs_lowering(inputs, (kh, kw), stride, padding, dilation)
    product = matmul(columns.T, weight_lowering(weights).T)
    return product.reshape(n, oh, ow, o).permute(0, 3, 1, 2)


@attempt("inputs_raising", name="autograd's transpose of the lowering")
def by_autograd(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    with torch.enable_grad():
        x = torch.zeros(input_size, dtype=lowered.dtype, requires_grad=True)
        y = inputs_lowering(x, kernel_size, stride, padding, dilation)
        if y.shape != lowered.shape:
            raise ValueError("the shapes do not fit")
        return torch.autograd.grad(y, x, lowered)[0]


@attempt("inputs_raising", name="adds at the places where numbered pixels went")
def by_index(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    numbers = torch.arange(1, n * c * h * w + 1).reshape(n, c, h, w)
    places = inputs_lowering(numbers, kernel_size, stride, padding, dilation)  # 0 is the padding
    assert places.shape == lowered.shape
    sums = torch.zeros(numbers.numel() + 1, dtype=lowered.dtype)
    return sums.index_add(0, places.flatten(), lowered.flatten())[1:].view(n, c, h, w)


@attempt("inputs_raising", name="column by column")
def column_by_column(lowered, input_size, kernel_size, stride=1, padding=0, dilation=1):
    n, c, h, w = input_size
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    oh, ow = output_size(h, kh, sh, ph, dh), output_size(w, kw, sw, pw, dw)
    if tuple(lowered.shape) != (c * kh * kw, n * oh * ow):
        raise ValueError("the shapes do not fit")
    result = F.pad(torch.zeros(n, c, h, w, dtype=lowered.dtype), (pw, pw, ph, ph))
    for number, column in enumerate(lowered.T):
        image, place = divmod(number, oh * ow)
        top, left = place // ow * sh, place % ow * sw
        window = result[image, :, top : top + dh * (kh - 1) + 1 : dh, left : left + dw * (kw - 1) + 1 : dw]
        window += column.reshape(c, kh, kw)
    return result[..., ph : h + ph, pw : w + pw]
