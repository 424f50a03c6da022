### Frases para personas, en español. Los mismos ids y valores en todos los idiomas.
### Los valores "who" son listas de direcciones; "who-count" dice cuántas son.

## Por qué no se sigue un mensaje

follow-engagement-off = El seguimiento de correos está desactivado en su organización. Un administrador puede activarlo en la configuración.
follow-no-followable-recipient = Para seguir este mensaje, agregue al menos una cuenta, un contacto o un cliente potencial en Para o CC.
follow-other-record-types = { $who-count ->
    [one] { $who } no es una cuenta, un contacto ni un cliente potencial. Quite este destinatario para seguir el mensaje.
   *[other] { $who } no son cuentas, contactos ni clientes potenciales. Quite estos destinatarios para seguir el mensaje.
}
follow-no-record = { $who-count ->
    [one] No tenemos ningún registro para { $who }. Elija o cree uno para seguir el mensaje.
   *[other] No tenemos registros para { $who }. Elíjalos o créelos para seguir el mensaje.
}
follow-recipient-opted-out = { $who-count ->
    [one] { $who } tiene la opción «no seguir».
   *[other] { $who } tienen la opción «no seguir».
}
follow-seller-chose-not = Usted eligió no seguir este mensaje.
follow-text-only = Solo se pueden seguir mensajes con formato (HTML), y este es de texto sin formato.
follow-bulk = Los mensajes para más de { $limit } destinatarios no se siguen. Envíelo a menos personas a la vez.

## Lo que pueden ver los destinatarios

altered-link-title = Este enlace fue modificado en el camino
altered-link-text = Su programa de correo o un filtro de seguridad modificó el enlace, y no podemos saber adónde lleva. Por eso no lo hemos enviado a ningún sitio.
altered-link-go = Ir a la dirección que escribió el remitente: { $address }
altered-link-unknown = Abra el enlace desde el mensaje original o pida la dirección al remitente.
withdrawn-link-title = Este enlace ya no funciona
withdrawn-link-text = El servicio del remitente lo ha retirado. Pida un enlace nuevo al remitente.

## Qué pasó con un mensaje

event-open = Abierto
event-click = Clic en un enlace
event-attachment-view = Adjunto visto
event-reply = Respondido
event-image = Imagen cargada
event-auto-reply = Respuesta automática
event-bounce = No se pudo entregar
event-withdrawn = Adjunto retirado
event-data-removed = Datos personales eliminados
event-inferred = Abierto, como muestra un clic o una respuesta posterior

## Quién causó un evento y cómo lo sabemos

by-person = Una persona
by-machine = Automático
verdict-head-request = Un programa comprobó la dirección sin cargarla.
verdict-prefetch = Se cargó por adelantado, antes de que alguien lo pidiera.
verdict-no-agent = El programa no dijo cuál es. Los navegadores y los programas de correo lo dicen.
verdict-program = Lo solicitó un programa, no un navegador ni un programa de correo.
verdict-headless = Se cargó en un navegador que funciona sin pantalla.
verdict-crawler = Lo visitó un buscador, un monitor u otro robot.
verdict-link-preview = Una aplicación de chat o red social lo visitó para mostrar una vista previa del enlace.
verdict-security-scanner = Lo revisó un analizador de seguridad.
verdict-gmail-prefetch = Gmail lo cargó por adelantado, antes de que se abriera el mensaje.
verdict-apple-privacy = Lo cargó la protección de la privacidad de Mail, de Apple. No se puede saber si el mensaje se abrió.
verdict-before-delivery = Ocurrió antes de que se entregara el mensaje; por tanto, fue un analizador.
verdict-seconds-after-delivery = Ocurrió a los pocos segundos de la entrega.
verdict-partial-request = Solo se pidió una parte, como hacen los analizadores.
verdict-image-proxy = El servicio de correo cargó las imágenes para quien leía; por eso no se conocen el dispositivo ni el lugar.

## En qué estado está un mensaje

status-draft = Borrador
status-accepted = Aceptado
status-scheduled = Programado
status-sending = Enviándose
status-sent = Enviado
status-partly-sent = Enviado en parte
status-failed = No enviado
status-cancelled = Cancelado

## Por qué no se envió un mensaje

failure-mailbox-unknown = El buzón { $address } no existe. Compruebe la dirección del remitente.
failure-mailbox-out-of-scope = El buzón { $address } no está en el ámbito de la aplicación. Pida a su administrador que lo incluya.
failure-recipient-refused = { $who-count ->
    [one] El servidor de correo rechazó al destinatario { $who }. Compruebe la dirección y envíe de nuevo.
   *[other] El servidor de correo rechazó a los destinatarios { $who }. Compruebe las direcciones y envíe de nuevo.
}
failure-message-too-large = El mensaje es demasiado grande para el servidor de correo. Quite o reduzca adjuntos e imágenes y envíelo de nuevo.
failure-may-have-been-sent = La conexión se cortó durante el envío, y es posible que el mensaje se haya enviado. Mire en Elementos enviados antes de enviarlo de nuevo.
failure-cannot-follow = El mensaje ya no se puede seguir, y usted pidió enviarlo solo si se podía. No se envió nada.
failure-graph-unavailable = Microsoft 365 no respondió durante mucho tiempo y dejamos de intentarlo. No se envió nada. Inténtelo de nuevo.
failure-unexpected = Algo falló de nuestro lado y el mensaje no se envió. Inténtelo de nuevo. Si vuelve a ocurrir, avise a su administrador.
