"""The Region's AWS IoT Core control plane and shadows, where ministack differs.

`operations` names a request by AWS's own API model and holds it to the model's
constraints; `front` corrects what an operation does, pages what it lists, applies
quotas (`quotas`) and tells EventBridge (`trail`). Nothing here knows hotsite.
"""
